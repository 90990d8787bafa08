"""The cases, out of their files."""

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
    """`language` is that of the text.

    By hand there are `keep`, what a translation has to keep, and `labels`, the sentiment of each text.
    """

    id: str
    task: str
    language: str
    request: dict[str, Any]
    keep: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def cases(task: str) -> list[Case]:
    lines = (Path(__file__).parent / f"{task}.jsonl").read_text("utf-8").splitlines()
    told = [json.loads(line) for line in lines]
    return [
        Case(
            each["id"],
            task,
            each["language"],
            each["request"],
            keep=tuple(each.get("keep", ())),
            labels=tuple(each.get("labels", ())),
        )
        for each in told
    ]
