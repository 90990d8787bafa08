"""What the requests of all four tasks have in common."""

from typing import Annotated

from pydantic import Field, StringConstraints

from nexus_ai.platform.schema import RequestModel
from nexus_ai.providers.base import ModelId, ProviderName

# RFC 5646, as far as it names languages, scripts and regions: pt-BR, zh-Hant-TW.
LanguageTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
ModuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]

# A pattern, so that the API's description says it too: there is something beside white space.
NOT_BLANK = r"\S"


class TaskRequest(RequestModel):
    """`provider` and `model` are for the first attempt; `module` is the part of the CRM that asks.

    What is not given is the task's own (tasks/shared/defaults.py).
    """

    provider: ProviderName | None = None
    model: ModelId | None = None
    module: ModuleName | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=16, le=8192)
