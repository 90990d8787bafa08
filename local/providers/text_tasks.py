"""Simulate completions of the text tasks that satisfy the output contracts.

The data of a prompt is the JSON object in its user message; its members identify the task.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from local.providers.copy_task import copy_in
from local.providers.sentiment_task import sentiments_in
from nexus_ai.tasks.shared.language import detect, primary
from nexus_ai.tasks.summary.sentences import ends
from nexus_ai.tasks.translation.contract import terms_in
from nexus_ai.tasks.translation.placeholders import MASK, masked, pieces

_WORDS: Final = re.compile(r"[^\W\d_]+(?: +[^\W\d_]+)*")
# Each fits into the smallest permitted summary, even as a bullet point.
_SUMMARIES: Final = {
    "pt": "Resumo simulado.",
    "es": "Resumen simulado.",
    "en": "Simulated summary.",
}
_TRANSLATED: Final = {"pt": "texto simulado", "es": "texto simulado", "en": "simulated text"}
_TAG: Final = "[simulado] "


def task_completion(texts: tuple[str, ...]) -> dict[str, Any] | str | None:
    """Return the completion of the first task prompt among the texts; None if there is none."""
    for text in texts:
        data = _data(text)
        for members, complete in _TASKS.items():
            if members <= data.keys():
                return complete(data)
    return None


def _data(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return found


def _summary(data: dict[str, Any]) -> dict[str, Any]:
    """Return the first sentences of the text that fit, or a fixed text if another language is requested."""
    text, max_characters = " ".join(str(data["text"]).split()), int(data["maxCharacters"])
    detected = detect(text) or "pt"
    language = str(data.get("language", "pt-BR" if detected == "pt" else detected))
    fitting = [text[:end] for end in ends(text) if len(_TAG) + end <= max_characters]
    fixed = _SUMMARIES.get(primary(language), _SUMMARIES["en"])
    summary = fixed if primary(language) != detected or not fitting else _TAG + fitting[-1]
    return {"language": language, "summary": summary, "points": [fixed]}


def _notes(data: dict[str, Any]) -> str:
    text = str(data["text"])
    return text[: next(iter(ends(text)), 200)]


def _translations(data: dict[str, Any]) -> dict[str, Any]:
    text, glossary = str(data["text"]), data.get("glossary", {})
    terms = [glossary[term] for term in terms_in(text, glossary)]
    return {
        "sourceLanguage": data.get("sourceLanguage") or detect(text) or "pt",
        "translations": {tag: _translated(text, tag, terms) for tag in data["targetLanguages"]},
    }


def _translated(text: str, tag: str, terms: list[str]) -> str:
    """Replace the words of the text and keep everything else, placeholders included."""
    words = iter([" ".join((_TRANSLATED.get(primary(tag), "simulated text"), *terms))])
    plain = _TRANSLATED.get(primary(tag), "simulated text")
    translated = _WORDS.sub(lambda _: next(words, plain), masked(text))
    placeholders = iter(pieces(text))
    return re.sub(MASK, lambda _: next(placeholders, MASK), translated)


_TASKS: Final[dict[frozenset[str], Callable[[dict[str, Any]], dict[str, Any] | str]]] = {
    frozenset({"request", "variations"}): copy_in,
    frozenset({"texts"}): sentiments_in,
    frozenset({"text", "maxCharacters", "style"}): _summary,
    frozenset({"text", "maxWords"}): _notes,
    frozenset({"text", "targetLanguages"}): _translations,
}
