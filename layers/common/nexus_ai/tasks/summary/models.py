"""What is asked of a summary, and what it is."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from nexus_ai.platform.schema import ResponseModel
from nexus_ai.tasks.shared.request import NOT_BLANK, LanguageTag, ShortText, TaskRequest
from nexus_ai.tasks.shared.response import TaskResponse

MAX_TEXT_CHARACTERS = 400_000


class Style(StrEnum):
    PARAGRAPH = "paragraph"
    BULLETS = "bullets"
    HEADLINE = "headline"
    WHATSAPP = "whatsapp"


class SummaryRequest(TaskRequest):
    """`max_characters` counts extended grapheme clusters (UAX 29), line breaks and marks of lists included.

    Without it the style's own number holds; without `language` the summary is in the language of the text.
    """

    text: Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=MAX_TEXT_CHARACTERS)]
    max_characters: int | None = Field(default=None, ge=20, le=5000)
    style: Style = Style.PARAGRAPH
    language: LanguageTag | None = None
    focus: ShortText | None = None


class Summary(ResponseModel):
    """`points` are those of the style bullets, without their marks, most important first. `characters` as counted."""

    text: str
    points: tuple[str, ...]
    characters: int
    language: str


type SummaryAnswer = TaskResponse[Summary]
