"""Whether a word or a phrase occurs in a text: whole, in whatever case."""

import re
import unicodedata

from nexus_ai.tasks.shared.word_match import is_spaced, places

# A word so short is told from another one by its accents alone: e and é, da and dá.
SHORT = 3
_HUMP = re.compile(r"(?<=[a-zß-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])")


def occurs(word: str, text: str) -> bool:
    """With the accents that it has."""
    return _found(_plain(word), _plain(text))


def occurs_without_accents(word: str, text: str) -> bool:
    """With its accents or without them."""
    return _found(without_accents(_plain(word)), without_accents(_plain(text)))


def is_said(word: str, text: str) -> bool:
    """Whether readers meet the word: accents tell short words apart only."""
    is_short = len(without_accents(_plain(word))) <= SHORT
    return occurs(word, text) if is_short else occurs_without_accents(word, text)


def in_words(hashtag: str) -> str:
    """#PromoçãoGrátis as it is read: Promoção Grátis."""
    return _HUMP.sub(" ", hashtag.removeprefix("#")).replace("_", " ")


def without_accents(text: str) -> str:
    return "".join(
        character for character in unicodedata.normalize("NFD", text) if unicodedata.category(character) != "Mn"
    )


def _found(word: str, text: str) -> bool:
    return next(places(_in_one_line(word), _in_one_line(text), _goes_on), None) is not None


def _goes_on(edge: str, beside: str) -> bool:
    return is_spaced(edge) and is_spaced(beside)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    """One case, composed, letters of styled fonts as letters, and nothing that readers do not see."""
    seen = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", seen).casefold())
