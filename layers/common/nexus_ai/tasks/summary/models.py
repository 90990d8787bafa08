"""Define the request and response of the summary task."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from nexus_ai.platform.schema import ResponseModel
from nexus_ai.tasks.shared.request import NOT_BLANK, LanguageTag, ShortText, TaskRequest
from nexus_ai.tasks.shared.response import TaskResponse

MAX_TEXT_CHARACTERS = 400_000


class Style(StrEnum):
    """Form of a summary."""

    PARAGRAPH = "paragraph"
    BULLETS = "bullets"
    HEADLINE = "headline"
    WHATSAPP = "whatsapp"


class SummaryRequest(TaskRequest):
    """Text to summarize, with the style and the length of the summary.

    `maxCharacters` counts extended grapheme clusters (UAX 29), line breaks and list marks included. Without it the
    style's default applies: 600 for a paragraph, 800 for bullets, 90 for a headline, 500 for WhatsApp. Without
    `language` the summary is in the language of the text. `focus` says what the summary should concentrate on.
    """

    text: Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=MAX_TEXT_CHARACTERS)]
    max_characters: int | None = Field(default=None, ge=20, le=5000)
    style: Style = Style.PARAGRAPH
    language: LanguageTag | None = None
    focus: ShortText | None = None


class Summary(ResponseModel):
    """Summary that keeps the requested length.

    `points` are the points of the style `bullets` without their marks, the most important first. The list is empty for
    other styles. `characters` is the length of `text` in extended grapheme clusters.
    """

    text: str
    points: tuple[str, ...]
    characters: int
    language: str


class SummaryResponse(TaskResponse[Summary]):
    """A summary and how it was made."""
