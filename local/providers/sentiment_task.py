"""Simulate completions of the sentiment task: the label follows from a few words, and quotes come from each text."""

import re
from typing import Any, Final

from nexus_ai.tasks.shared.language import detect, primary

# Beginnings of words, in Portuguese, Spanish and English.
_PRAISE: Final = re.compile(
    r"\b(?:ador|am[eo]i|amable|amor|excel|encant|feliz|great|grac|happy|love|maravilh|obrigad|ótim|perfe|recom|thank)",
    re.IGNORECASE,
)
_BLAME: Final = re.compile(
    r"\b(?:absurd|atras|caro|carís|decep|demor|error|esper[eoé]i?|horr|mal\b|nunca|péssim|pésim|problem|reclam|rude|ruim|"
    r"terrib|terrív|unaccept|wait|worst|wrong)",
    re.IGNORECASE,
)
_RATIONALES: Final = {"pt": "Análise simulada.", "es": "Análisis simulado.", "en": "Simulated analysis."}
_PIECE: Final = re.compile(r"\S+(?:\s+\S+){0,7}")
# Maximum length of a quote, which matters for a text without spaces.
_QUOTED: Final = 80
# By label: the score, the emotions and the urgency.
_SAID: Final[dict[str, tuple[float, list[str], str]]] = {
    "positive": (0.8, ["satisfaction", "gratitude"], "low"),
    "negative": (-0.7, ["frustration"], "high"),
    "mixed": (0.1, ["satisfaction", "frustration"], "medium"),
    "neutral": (0, [], "low"),
}


def sentiments_in(data: dict[str, Any]) -> dict[str, Any]:
    """Return the sentiment of each text, by the name of the text."""
    return {name: _sentiment(text, data.get("language")) for name, text in data["texts"].items()}


def _sentiment(text: str, requested_language: str | None) -> dict[str, Any]:
    language = detect(text) or "pt"
    label = _label(bool(_PRAISE.search(text)), bool(_BLAME.search(text)))
    score, emotions, urgency = _SAID[label]
    found = _PRAISE.search(text) or _BLAME.search(text)
    piece = _PIECE.search(text, found.start() if found else 0)
    return {
        "language": "pt-BR" if language == "pt" else language,
        "aspects": [{"aspect": "simulado", "sentiment": label, "quote": piece.group()[:_QUOTED]}] if piece else [],
        "emotions": emotions,
        "rationale": _RATIONALES.get(primary(requested_language or language), _RATIONALES["en"]),
        "label": label,
        "score": score,
        "confidence": 0.5,
        "urgency": urgency,
    }


def _label(praises: bool, blames: bool) -> str:
    if praises and blames:
        return "mixed"
    return "positive" if praises else "negative" if blames else "neutral"
