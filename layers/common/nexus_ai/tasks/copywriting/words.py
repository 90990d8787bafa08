"""Find words and phrases in copy, as whole words in any case."""

import re
import unicodedata

from nexus_ai.tasks.shared.word_match import find_phrase, is_spaced_letter

# In words of up to this length, an accent makes another word: e and é, da and dá.
SHORT_WORD_LENGTH = 3
_CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-zß-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])")


def occurs(word: str, text: str) -> bool:
    """Return True if the text contains the word with exactly its accents."""
    return _occurs_as_word(_normalize(word), _normalize(text))


def occurs_without_accents(word: str, text: str) -> bool:
    """Return True if the text contains the word, with or without its accents."""
    return _occurs_as_word(strip_accents(_normalize(word)), strip_accents(_normalize(text)))


def is_said(word: str, text: str) -> bool:
    """Return True if a reader would recognize the word in the text. Accents count only in short words."""
    is_short = len(strip_accents(_normalize(word))) <= SHORT_WORD_LENGTH
    return occurs(word, text) if is_short else occurs_without_accents(word, text)


def split_hashtag(hashtag: str) -> str:
    """Return the words of a hashtag: `Promoção Grátis` for `#PromoçãoGrátis`."""
    return _CAMEL_CASE_BOUNDARY.sub(" ", hashtag.removeprefix("#")).replace("_", " ")


def strip_accents(text: str) -> str:
    """Return the text in NFD without combining marks."""
    return "".join(
        character for character in unicodedata.normalize("NFD", text) if unicodedata.category(character) != "Mn"
    )


def _occurs_as_word(word: str, text: str) -> bool:
    return next(find_phrase(_collapse_spaces(word), _collapse_spaces(text), _continues_word), None) is not None


def _continues_word(edge: str, neighbour: str) -> bool:
    return is_spaced_letter(edge) and is_spaced_letter(neighbour)


def _collapse_spaces(text: str) -> str:
    return " ".join(text.split())


def _normalize(text: str) -> str:
    """Return the text in one case and in NFKC, which replaces styled letters, without invisible characters."""
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", visible).casefold())
