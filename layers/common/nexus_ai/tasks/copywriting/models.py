"""Define the request and response of the copywriting task."""

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
    """Platform that copy is written for."""

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


# A word or a phrase with at least one letter or digit.
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"[^\W_]")]
Words = Annotated[tuple[Word, ...], Field(max_length=MAX_WORDS)]


class CopyContext(RequestModel):
    """Purpose and constraints of the copy.

    Without `platform` the copy is a text without limits. `language` is a BCP 47 tag such as pt-BR; without it the copy
    is in the language of the prompt. Every variation contains all words of `wordsToUse` and no word of `wordsToAvoid`.
    Both match whole words and ignore case.
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
                raise ValueError("wordsToUse contains a word of wordsToAvoid. Remove it from one of the two lists")
        return self


class CopyRequest(TaskRequest):
    """Description of the copy to write. `variations` is the number of different texts to return."""

    prompt: Annotated[str, StringConstraints(max_length=MAX_PROMPT_CHARACTERS, pattern=NOT_BLANK)]
    context: CopyContext = CopyContext()
    variations: int = Field(default=1, ge=1, le=5)


class EmailCopy(ResponseModel):
    """Parts of a marketing e-mail. `preheader` is the line that inboxes show after the subject."""

    subject: str
    preheader: str
    body: str


class GoogleAdsCopy(ResponseModel):
    """Parts of a responsive search ad. Google combines headlines and descriptions freely."""

    headlines: tuple[str, ...]
    descriptions: tuple[str, ...]


class BlogCopy(ResponseModel):
    """Parts of a blog article. `body` is Markdown and does not repeat the title."""

    title: str
    meta_description: str
    body: str


class Length(ResponseModel):
    """Length of a part as the platform counts it, and its limit.

    `part` is `text`, `subject`, `headlines.0` and so on. `unit` is `utf16` for UTF-16 code units, `gsm7` for septets of
    an SMS, `weighted` for the weighted length of X, or `width` for Google Ads, which counts wide East Asian characters
    as two.
    """

    part: str
    used: int
    max: int
    unit: Unit


class CopyVariation(ResponseModel):
    """One text, ready to publish.

    `text` is the main text: the post, the message, the body of an e-mail or article, or all lines of an ad. `hashtags`
    start with #, are not part of `text`, and are published after it; the list is empty for platforms without hashtags.
    `email`, `googleAds` and `blog` hold the parts for these platforms and are null for others. `lengths` has an entry
    for every part with a limit. A post's length includes its hashtags after an empty line.
    """

    text: str
    hashtags: tuple[str, ...]
    email: EmailCopy | None = None
    google_ads: GoogleAdsCopy | None = None
    blog: BlogCopy | None = None
    lengths: tuple[Length, ...]


class Copy(ResponseModel):
    """Marketing copy in the requested number of variations."""

    variations: tuple[CopyVariation, ...]


class CopyResponse(TaskResponse[Copy]):
    """Marketing copy and how it was made."""
