"""What is asked of the copywriter, and what it answers."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from nexus_ai.platform.schema import RequestModel, ResponseModel
from nexus_ai.tasks.copywriting.counting import Unit
from nexus_ai.tasks.copywriting.words import is_said
from nexus_ai.tasks.shared.request import NOT_BLANK, LanguageTag, ShortText, TaskRequest
from nexus_ai.tasks.shared.response import TaskResponse

MAX_PROMPT_CHARACTERS = 20_000
MAX_WORDS = 20


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


# A word or a phrase: it has a letter or a digit.
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"[^\W_]")]
Words = Annotated[tuple[Word, ...], Field(max_length=MAX_WORDS)]


class CopyContext(RequestModel):
    """What the copy is for. Without a platform it is a text for anywhere.

    `language` is a BCP 47 tag such as pt-BR; without it the copy is in the language of the request. `words_to_use` are
    in every variation and `words_to_avoid` in none, as whole words in whatever case.
    """

    platform: Platform | None = None
    audience: ShortText | None = None
    goal: ShortText | None = None
    tone: ShortText | None = None
    language: LanguageTag | None = None
    brand_voice: ShortText | None = None
    call_to_action: ShortText | None = None
    words_to_use: Words = ()
    words_to_avoid: Words = ()

    @model_validator(mode="after")
    def _require_compatible_words(self) -> Self:
        for avoided in self.words_to_avoid:
            if any(is_said(avoided, used) for used in self.words_to_use):
                raise ValueError("wordsToUse must have none of wordsToAvoid")
        return self


class CopyRequest(TaskRequest):
    prompt: Annotated[str, StringConstraints(max_length=MAX_PROMPT_CHARACTERS, pattern=NOT_BLANK)]
    context: CopyContext = CopyContext()
    variations: int = Field(default=1, ge=1, le=5)


class EmailCopy(ResponseModel):
    """`preheader` is the line that inboxes show behind the subject."""

    subject: str
    preheader: str
    body: str


class GoogleAdsCopy(ResponseModel):
    """A responsive search ad: each headline and each description stands by itself."""

    headlines: tuple[str, ...]
    descriptions: tuple[str, ...]


class BlogCopy(ResponseModel):
    """`body` is Markdown and does not repeat the title."""

    title: str
    meta_description: str
    body: str


class Length(ResponseModel):
    """How long a part is as the platform counts it, and how long it may be.

    `part` is text, subject, headlines.0 and so on. `unit` says how it is counted: UTF-16 units, GSM-7 septets, weighted
    as X does it, or by width, where East Asian characters are two.
    """

    part: str
    used: int
    max: int
    unit: Unit


class CopyVariation(ResponseModel):
    """One text, ready to be published.

    `text` is the main text: the post, the message, the body of an e-mail or of an article, or all lines of an ad.
    `hashtags` begin with #, are not part of `text`, and come behind it; they are empty where the platform has none.
    `email`, `google_ads` and `blog` hold the parts of what has parts, each for its own platform. `lengths` is there for
    every part that has a limit; that of a post's text counts the hashtags behind an empty line.
    """

    text: str
    hashtags: tuple[str, ...]
    email: EmailCopy | None = None
    google_ads: GoogleAdsCopy | None = None
    blog: BlogCopy | None = None
    lengths: tuple[Length, ...]


class Copy(ResponseModel):
    variations: tuple[CopyVariation, ...]


type CopyAnswer = TaskResponse[Copy]
