"""Score the data of a response without a model, and independently of the code under test if that matters.

A score has a name and passes or fails. Scores in CONTRACT must pass for every response, because the output contract
demands them. The others measure the quality of a model.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import regex

from nexus_ai.tasks.shared.language import is_other_language
from tests.evaluation.cases import Case, Json

CONTRACT: Final = frozenset(
    {"shape", "limit", "style", "language", "literals", "lines", "glossary", "words", "count", "quotes", "labels"}
)
_CLUSTER: Final = regex.compile(r"\X")
_EMOJI: Final = regex.compile(r"\p{Extended_Pictographic}")
_NUMBER: Final = re.compile(r"\d+")
_LIMITS: Final = {"paragraph": 600, "bullets": 800, "headline": 90, "whatsapp": 500}
# The GSM 7-bit alphabet. Characters of its extension table take two septets (3GPP TS 23.038).
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION: Final = frozenset("^{}\\[~]|€")
# A summary shorter than a quarter of its limit says too little.
_MIN_LENGTH_DIVISOR: Final = 4

type Scores = dict[str, bool]
type Data = Mapping[str, Any]


def scores(case: Case, data: Data) -> Scores:
    """Return the scores of a response's `data`. Data of another shape gets only the failed score `shape`."""
    try:
        return {"shape": True, **dict(_SCORERS[case.task](case, data))}
    except (AttributeError, IndexError, KeyError, TypeError):
        return {"shape": False}


def _summary(case: Case, data: Data) -> Iterator[tuple[str, bool]]:
    text, request = data["text"], case.request
    style = request.get("style", "paragraph")
    limit = request.get("maxCharacters", _LIMITS[style])
    length = len(_CLUSTER.findall(text))
    lines = text.splitlines()
    in_style = [f"• {point}" for point in data["points"]] == lines if style == "bullets" else not data["points"]
    yield "limit", 0 < length <= limit and length <= data["characters"]
    yield "style", in_style and (len(lines) == 1 or style in {"bullets", "whatsapp"})
    yield "language", not is_other_language(text, request.get("language", case.language))
    yield "complete", not text.rstrip().endswith(("…", "...", ",", ";", " e", " and", " y"))
    yield "numbers", set(_NUMBER.findall(text)) <= set(_NUMBER.findall(request["text"]))
    yield "length", length * _MIN_LENGTH_DIVISOR >= limit


def _translation(case: Case, data: Data) -> Iterator[tuple[str, bool]]:
    request, source = case.request, case.request["text"]
    targets = request.get("targetLanguages") or [request["targetLanguage"]]
    texts = [translation["text"] for translation in data["translations"]]
    glossary = {term: word for term, word in request.get("glossary", {}).items() if term.lower() in source.lower()}
    empty_lines = [not line.strip() for line in source.split("\n")]
    yield "count", [translation["language"] for translation in data["translations"]] == targets
    yield "literals", all(text.count(literal) == source.count(literal) for text in texts for literal in case.keep)
    yield "emoji", all(_emoji(text) == _emoji(source) for text in texts)
    yield "lines", all([not line.strip() for line in text.split("\n")] == empty_lines for text in texts)
    yield "glossary", all(word.lower() in text.lower() for text in texts for word in glossary.values())
    yield (
        "language",
        not any(is_other_language(text, tag) for text, tag in zip(texts, targets, strict=True)) and source not in texts,
    )
    yield "source", data["sourceLanguage"].split("-")[0] == case.language.split("-")[0]


def _emoji(text: str) -> Counter[str]:
    return Counter(_EMOJI.findall(text))


def _copy(case: Case, data: Data) -> Iterator[tuple[str, bool]]:
    context = case.request.get("context", {})
    variations = data["variations"]
    texts = [variation["text"] for variation in variations]
    all_strings = [" ".join(_strings(variation)).lower() for variation in variations]
    yield "count", len(variations) == case.request.get("variations", 1) and all(texts)
    yield "limit", all(_fits(context.get("platform"), variation) for variation in variations)
    yield "words", all(_has_words(text, context) for text in all_strings)
    yield "language", not any(is_other_language(text, context.get("language", case.language)) for text in texts)
    yield "variety", len(set(texts)) == len(texts)


def _fits(platform: str | None, variation: Data) -> bool:
    text = "\n\n".join(part for part in (variation["text"], " ".join(variation["hashtags"])) if part)
    match platform:
        case "sms":
            is_gsm = set(text) <= _GSM | _GSM_EXTENSION
            return len(text) + sum(map(_GSM_EXTENSION.__contains__, text)) <= 160 if is_gsm else _utf16(text) <= 70
        case "google-ads":
            ad = variation["googleAds"]
            return max(map(len, ad["headlines"])) <= 30 and max(map(len, ad["descriptions"])) <= 90
        case "email":
            return bool(variation["email"]["subject"].strip() and variation["email"]["body"].strip())
        case "x":
            # Only texts in which every character weighs one are checked here.
            return not text.isascii() or "http" in text or len(text) <= 280
        case "instagram" | "tiktok":
            return _utf16(text) <= 2200
        case "whatsapp":
            return _utf16(text) <= 1024
        case "linkedin":
            return _utf16(text) <= 3000
        case _:
            return bool(text)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _has_words(text: str, context: Data) -> bool:
    def contains(word: str) -> bool:
        return re.search(rf"(?<!\w){re.escape(word.lower())}(?!\w)", text) is not None

    return all(map(contains, context.get("wordsToUse", ()))) and not any(map(contains, context.get("wordsToAvoid", ())))


def _sentiment(case: Case, data: Data) -> Iterator[tuple[str, bool]]:
    texts, results = case.request.get("texts") or [case.request["text"]], data["results"]
    found = [(text, result["sentiment"]) for text, result in zip(texts, results, strict=False) if result["sentiment"]]
    quotes = [(text, aspect["quote"]) for text, sentiment in found for aspect in sentiment["aspects"]]
    yield (
        "count",
        len(results) == len(texts) and all(bool(result["sentiment"]) != bool(result["error"]) for result in results),
    )
    yield "quotes", all(quote and quote in text for text, quote in quotes)
    yield "labels", all(_agrees(sentiment["label"], sentiment["score"]) for _, sentiment in found)
    language = case.request.get("language", case.language)
    yield "language", not any(is_other_language(sentiment["rationale"], language) for _, sentiment in found)
    yield "all texts", len(found) == len(texts)
    yield "any quote", bool(quotes)
    yield "agreement", [sentiment["label"] for _, sentiment in found] == list(case.labels)


def _agrees(label: str, score: float) -> bool:
    return -1 <= score <= 1 and {"positive": score > 0, "negative": score < 0}.get(label, True)


def _strings(value: Json) -> Iterator[str]:
    """Yield every string inside a JSON value."""
    if isinstance(value, str):
        yield value
    for member in _members(value):
        yield from _strings(member)


def _members(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


_SCORERS: Final[Mapping[str, Callable[[Case, Data], Iterator[tuple[str, bool]]]]] = {
    "copy": _copy,
    "sentiment": _sentiment,
    "summary": _summary,
    "translation": _translation,
}
