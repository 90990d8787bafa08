"""Define one small request for each of the four tasks, and the form of its response."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from ops.smoke.api import Part
from ops.smoke.responses import TaskResponse

_ROOT = "/api/marketing/ai-assistant"

SomeText = Annotated[str, Field(min_length=1)]
WithPlaceholder = Annotated[str, Field(pattern=r"\{\{name\}\}")]


class _Text(Part):
    text: SomeText


class _Copy(Part):
    variations: Annotated[tuple[_Text, ...], Field(min_length=1, max_length=1)]


class CopyResponse(TaskResponse):
    data: _Copy


class _Label(Part):
    label: SomeText


class _Result(Part):
    sentiment: _Label


class _Sentiment(Part):
    results: Annotated[tuple[_Result, ...], Field(min_length=1, max_length=1)]


class SentimentResponse(TaskResponse):
    data: _Sentiment


class SummaryResponse(TaskResponse):
    data: _Text


class _Translation(Part):
    text: WithPlaceholder


class _Translations(Part):
    translations: Annotated[tuple[_Translation, ...], Field(min_length=1, max_length=1)]


class TranslationResponse(TaskResponse):
    data: _Translations


class Task(NamedTuple):
    """Request of a task. `body` has no provider and no module."""

    path: str
    body: Mapping[str, Any]
    response: type[TaskResponse]


def copy(text: str) -> Task:
    return Task(f"{_ROOT}/generate-copy-v2", {"prompt": f"A facial with 20% off this week ({text})"}, CopyResponse)


def tasks(run: str) -> Mapping[str, Task]:
    """Return the four tasks by name. `run` makes their texts unique, so that no earlier run has cached them."""
    praise = f"Dr. Renata is lovely, but I waited 50 minutes and no one explained why. My ticket was {run}."
    return {
        "generate-copy": copy(run),
        "analyze-sentiment": Task(f"{_ROOT}/analyze-sentiment", {"text": praise}, SentimentResponse),
        "generate-summary": Task(
            f"{_ROOT}/generate-summary",
            {"text": f"{praise} They also charged $30 more than the ad said."},
            SummaryResponse,
        ),
        "translate": Task(
            f"{_ROOT}/translate",
            {"text": f"Hello, {{{{name}}}}! Your ticket is {run}.", "targetLanguage": "pt-BR"},
            TranslationResponse,
        ),
    }
