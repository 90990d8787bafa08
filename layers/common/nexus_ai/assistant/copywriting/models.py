"""What is asked of the copywriter, and what it answers."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from nexus_ai.assistant.answer import ModelAnswer
from nexus_ai.core.wire import RequestModel, ResponseModel
from nexus_ai.providers.base import ModelId, ProviderName

MAX_PROMPT_CHARACTERS = 20_000


class Platform(StrEnum):
    INSTAGRAM = "instagram"
    FACEBOOK = "facebook"
    WHATSAPP = "whatsapp"
    EMAIL = "email"
    SMS = "sms"
    GOOGLE_ADS = "google-ads"
    LINKEDIN = "linkedin"
    TIKTOK = "tiktok"
    X = "x"
    BLOG = "blog"


ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
ModuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class CopyContext(RequestModel):
    """What the copy is for. `language` is a BCP 47 tag such as pt-BR. Without a platform it is a text for anywhere."""

    platform: Platform | None = None
    audience: ShortText | None = None
    goal: ShortText | None = None
    tone: ShortText | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")] = "pt-BR"
    brand_voice: ShortText | None = None
    call_to_action: ShortText | None = None


class CopyRequest(RequestModel):
    provider: ProviderName | None = None
    model: ModelId | None = None
    module: ModuleName = "marketing"
    prompt: str = Field(max_length=MAX_PROMPT_CHARACTERS)
    context: CopyContext = CopyContext()
    variations: int = Field(default=1, ge=1, le=5)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=16, le=8192)

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, prompt: str) -> str:
        if not prompt.strip():
            raise ValueError("must not be empty")
        return prompt


class CopyVariation(ResponseModel):
    """One text, ready to be posted; `hashtags` begin with # and are empty where the platform has none."""

    text: str
    hashtags: tuple[str, ...]


class Copy(ResponseModel):
    variations: tuple[CopyVariation, ...]


type CopyAnswer = ModelAnswer[Copy]
