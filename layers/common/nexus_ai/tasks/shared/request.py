"""Define the request fields that all four tasks share."""

from typing import Annotated

from pydantic import Field, StringConstraints

from nexus_ai.platform.schema import RequestModel
from nexus_ai.providers.base import ModelId, ProviderName

# The part of RFC 5646 for languages, scripts and regions: pt-BR, zh-Hant-TW.
LanguageTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
ModuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]

# At least one character that is not white space. A pattern, so that the OpenAPI document includes the rule.
NOT_BLANK = r"\S"


class TaskRequest(RequestModel):
    """Fields that every task request has.

    Missing values are taken from the task's defaults (tasks/shared/defaults.py).

    Attributes:
        provider: The provider of the first attempt.
        model: The model of the first attempt.
        module: The module that makes the request.
        temperature: Passed to the model.
        max_tokens: The output limit in tokens.
    """

    provider: ProviderName | None = None
    model: ModelId | None = None
    module: ModuleName | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=16, le=8192)
