"""Detect the language of a text by its function words, to notice a completion in the wrong language.

Six languages are known. The result is unknown for a text with few of their words or with the words of two languages.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

_WORD = re.compile(r"[^\W\d_]+")
# A piece of text with one of these is an address, a tag or a placeholder, and not words.
_NON_WORD_MARKS = ("://", "www.", "@", ".com", ".br", "{", "}", "<", ">")

# Frequent words that separate a language from similar ones. Words that Portuguese and Spanish share are left out.
_FUNCTION_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        language: frozenset(words.split())
        for language, words in {
            "pt": "o os um uma uns umas do da dos das ao aos à às no na nas em com não você vocês é são foi mais mas "
            "também sua suas seu seus nosso nossa nossos nossas isso isto pelo pela pelos pelas até já muito muita "
            "ou e quem será está estão tem têm num numa depois ainda só quando nós eles ela ele dia sem",
            "es": "el la los las un una unos unas del al en con y su sus nuestro nuestra nuestros nuestras es son fue "
            "más pero también muy usted ustedes este esta estos estas hay ya lo le les cuando desde hasta hoy nos sin "
            "está están tiene después aún sólo nosotros ellos ella él día ni",
            "en": "the and of to is are was were with for your you our this that it its we will have has from by be "
            "at or not can their they but been if when which who an more after before all his her",
            "fr": "le les des et est une du dans pour avec vous votre vos nous notre nos pas sur au aux qui ce cette "
            "ces il elle ils sont mais plus être par ou où très sans ont leur",
            "it": "il gli che di è non per sono della dei delle dello nel nella nei alla alle dal dalla questo questa "
            "anche più ma con si lo vostro nostro ha hanno una un e come dopo",
            "de": "der die das und ist nicht ein eine einen mit für auf sie wir den dem zu von ihr ihre ihren im sind "
            "auch wird werden bei nach oder aber am zum zur uns unser",
        }.items()
    }
)
# Spellings that identify a language as well as function words do. Only lower case counts: names such as São Paulo
# occur in texts of every language.
_SPELLING: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "pt": re.compile(r"(?=[^\W\d_]*(?:[ãõ]|lh|nh[oa]))[a-zà-ÿ]+"),
        "es": re.compile(r"(?=[^\W\d_]*(?:ñ|ción))[a-zà-ÿ]+"),
    }
)
MIN_FUNCTION_WORDS = 3


def detect(text: str) -> str | None:
    """Return the primary subtag of the text's language (pt, es, en, fr, it, de), or None if it is uncertain."""
    plain = (piece for piece in text.split() if not any(mark in piece for mark in _NON_WORD_MARKS))
    words = [word for piece in plain for word in _WORD.findall(piece)]
    found = sorted((_count_function_words(words, language), language) for language in _FUNCTION_WORDS)
    (second, _), (first, language) = found[-2:]
    return language if first >= MIN_FUNCTION_WORDS and first >= 2 * second else None


def _count_function_words(words: list[str], language: str) -> int:
    known, spelling = _FUNCTION_WORDS[language], _SPELLING.get(language)
    return sum(word.lower() in known or bool(spelling and spelling.fullmatch(word)) for word in words)


def is_other_language(text: str, tag: str) -> bool:
    """Return True if the text is certainly in another language than the BCP 47 tag names."""
    found = detect(text)
    return found is not None and primary(tag) in _FUNCTION_WORDS and found != primary(tag)


def primary(tag: str) -> str:
    """Return the primary subtag of a BCP 47 tag in lower case: `pt` for `pt-BR`."""
    return tag.split("-", maxsplit=1)[0].lower()
