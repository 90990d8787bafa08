"""Simulate completions of the copy task, in the language, platform format and words that the prompt asks for.

The lines contain only letters of the GSM alphabet, because any other letter reduces the room of an SMS.
"""

from typing import Any, Final

from local.providers.texts import language_of
from nexus_ai.tasks.copywriting.words import is_said
from nexus_ai.tasks.shared.language import detect, primary

_LINES: Final[dict[str, tuple[str, ...]]] = {
    "pt": (
        "Marque hoje mesmo com a nossa equipe.",
        "Conte com a gente para o que precisar.",
        "Venha conhecer a nossa casa nova.",
        "Simples de usar e de recomendar.",
        "Mais tempo para quem importa.",
    ),
    "es": (
        "Reserva hoy mismo con nuestro equipo.",
        "Cuenta con la gente que te conoce.",
        "Ven a conocer nuestra casa nueva.",
        "Sencillo de usar y de recomendar.",
        "Tiempo para lo que importa.",
    ),
    "en": (
        "Book today with our team.",
        "Count on people who know you.",
        "Come and see our new place.",
        "Easy to use, easy to recommend.",
        "More time for what matters.",
    ),
}
_TAGS: Final = {"pt": "simulado", "es": "simulado", "en": "simulated"}
_WITH_HASHTAGS: Final = frozenset({"instagram", "facebook", "linkedin", "tiktok", "x"})
_HEADLINE: Final = 30


def copy_in(data: dict[str, Any]) -> dict[str, Any]:
    """Return as many different variations as the data of the prompt asks for."""
    language = primary(data.get("language") or detect(str(data["request"])) or language_of(str(data["request"])))
    lines = _LINES.get(language, ("",))
    avoided = data.get("wordsToAvoid", ())
    allowed = [line for line in lines if not any(is_said(word, line) for word in avoided)] or [""]
    tag = _TAGS.get(language, "simulated")
    return {
        f"variation{number + 1}": _variation(data, tag, number + 1, allowed[number % len(allowed)])
        for number in range(int(data["variations"]))
    }


def _variation(data: dict[str, Any], tag: str, number: int, line: str) -> dict[str, Any]:
    words = data.get("wordsToUse", ())
    text = f"[{tag} {number}] {' '.join((line, *words))}"
    match data.get("platform"):
        case "email":
            return {"subject": f"{tag.capitalize()} {number}", "preheader": line or tag, "body": text}
        case "blog":
            return {"title": f"{tag.capitalize()} {number}", "metaDescription": line or tag, "body": text}
        case "google-ads":
            short = [word for word in words if len(word) <= _HEADLINE]
            return {
                "headlines": [*short, *(f"{tag.capitalize()} {number}.{part}" for part in (1, 2, 3))][:15],
                "descriptions": [
                    f"[{tag} {number}] {line}",
                    *(word for word in words if len(word) > _HEADLINE),
                    f"{tag} {number}",
                ],
            }
        case platform:
            return {"text": text} | ({"hashtags": [f"#{tag}"]} if platform in _WITH_HASHTAGS else {})
