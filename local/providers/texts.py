"""Provide simulated texts: short marketing sentences, marked as simulated."""

import re
from typing import Final, Literal

type Language = Literal["pt", "en"]

SENTENCES: Final[dict[Language, tuple[str, ...]]] = {
    "pt": (
        "Uma oferta feita sob medida para o seu negócio.",
        "Comece hoje e veja a diferença já na primeira semana.",
        "Mais tempo para os clientes, menos tempo com planilhas.",
        "Seu time vende melhor quando tudo está no mesmo lugar.",
        "Conheça a novidade que os seus clientes vão comentar.",
        "Simples de usar, fácil de recomendar.",
        "Atendimento próximo e resultado que aparece.",
        "Fale com a gente e peça uma demonstração.",
    ),
    "en": (
        "An offer made to fit your business.",
        "Start today and see the difference within a week.",
        "More time for customers, less time for spreadsheets.",
        "Your team sells better when everything is in one place.",
        "Meet the news that your customers will talk about.",
        "Easy to use, easy to recommend.",
        "Close to you, with results that show.",
        "Talk to us and ask for a demonstration.",
    ),
}
TAG: Final[dict[Language, str]] = {"pt": "simulado", "en": "simulated"}

_WORD: Final = re.compile(r"[^\W\d_]+")
_ENGLISH: Final = frozenset(
    ("the", "a", "an", "and", "of", "to", "for", "with", "in", "is", "are", "about", "our", "your", "write", "please")
)
_PORTUGUESE: Final = frozenset(
    ("o", "a", "os", "as", "um", "uma", "e", "de", "do", "da", "para", "com", "em", "é", "sobre", "nosso", "escreva")
)


def language_of(text: str) -> Language:
    """Return "en" if common English words outnumber the Portuguese ones, else "pt"."""
    words = _WORD.findall(text.lower())
    english = sum(word in _ENGLISH for word in words)
    portuguese = sum(word in _PORTUGUESE for word in words)
    return "en" if english > portuguese else "pt"


def sentence(seed: int, language: Language = "pt") -> str:
    choices = SENTENCES[language]
    return choices[seed % len(choices)]


def marketing_text(seed: int, language: Language) -> str:
    """Return three consecutive sentences, starting with the one that `seed` chooses."""
    return " ".join([f"[{TAG[language]}]", *(sentence(seed + step, language) for step in range(3))])
