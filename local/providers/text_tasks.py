"""What a simulated model answers to the questions of the tasks: plain words that keep what was asked.

The data of a question is the JSON object in its user's message; it is known by its members.
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
# Each fits into the least room that a summary can have, also as a point of a list.
_SUMMARIES: Final = {
    "pt": "Resumo simulado.",
    "es": "Resumen simulado.",
    "en": "Simulated summary.",
}
_TRANSLATED: Final = {"pt": "texto simulado", "es": "texto simulado", "en": "simulated text"}
_TAG: Final = "[simulado] "


def answer_in(texts: tuple[str, ...]) -> dict[str, Any] | str | None:
    """The answer to the first question of these tasks in the texts; None where there is none."""
    for text in texts:
        data = _data(text)
        for members, answer in _ANSWERS.items():
            if members <= data.keys():
                return answer(data)
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
    """The text's first sentences, as long as they fit; words of our own where they would be in another language."""
    text, most = " ".join(str(data["text"]).split()), int(data["maxCharacters"])
    there = detect(text) or "pt"
    language = str(data.get("language", "pt-BR" if there == "pt" else there))
    fitting = [text[:end] for end in ends(text) if len(_TAG) + end <= most]
    told = _SUMMARIES.get(primary(language), _SUMMARIES["en"])
    summary = told if primary(language) != there or not fitting else _TAG + fitting[-1]
    return {"language": language, "summary": summary, "points": [told]}


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
    """Other words in the place of the text's, and everything else as it was."""
    words = iter([" ".join((_TRANSLATED.get(primary(tag), "simulated text"), *terms))])
    plain = _TRANSLATED.get(primary(tag), "simulated text")
    told = _WORDS.sub(lambda _: next(words, plain), masked(text))
    kept = iter(pieces(text))
    return re.sub(MASK, lambda _: next(kept, MASK), told)


_ANSWERS: Final[dict[frozenset[str], Callable[[dict[str, Any]], dict[str, Any] | str]]] = {
    frozenset({"request", "variations"}): copy_in,
    frozenset({"texts"}): sentiments_in,
    frozenset({"text", "maxCharacters", "style"}): _summary,
    frozenset({"text", "maxWords"}): _notes,
    frozenset({"text", "targetLanguages"}): _translations,
}
