"""Read the evaluation cases from their files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

type Json = dict[str, Json] | list[Json] | str | float | None

ROUTES: Final[Mapping[str, str]] = {
    "copy": "/api/marketing/ai-assistant/generate-copy-v2",
    "sentiment": "/api/marketing/ai-assistant/analyze-sentiment",
    "summary": "/api/marketing/ai-assistant/generate-summary",
    "translation": "/api/marketing/ai-assistant/translate",
}
CASES_A_TASK: Final = 40


@dataclass(frozen=True, slots=True)
class Case:
    """One request of the evaluation set, with what a reader expects of its completion.

    Attributes:
        id: Unique within the set.
        task: A key of ROUTES.
        language: The BCP 47 tag of the text.
        request: The request body.
        keep: Literals that a translation has to keep, listed by hand.
        labels: The sentiment of each text, judged by hand.
    """

    id: str
    task: str
    language: str
    request: dict[str, Any]
    keep: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def cases(task: str) -> list[Case]:
    """Return the cases of a task."""
    lines = (Path(__file__).parent / f"{task}.jsonl").read_text("utf-8").splitlines()
    return [
        Case(
            fields["id"],
            task,
            fields["language"],
            fields["request"],
            keep=tuple(fields.get("keep", ())),
            labels=tuple(fields.get("labels", ())),
        )
        for fields in map(json.loads, lines)
    ]
