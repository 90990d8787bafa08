"""What a translation has to keep: everything that is not language, the glossary, and the language asked for."""

import re
import unicodedata
from collections.abc import Mapping

from nexus_ai.tasks.shared.language import detect, is_other_language, primary
from nexus_ai.tasks.shared.word_match import is_spaced, places
from nexus_ai.tasks.translation.markup import lines_told, markup_diff, restore_line_breaks
from nexus_ai.tasks.translation.placeholders import MASK, masked

# From so many words on, a translation that is the text itself was not made.
_WORDS_OF_A_TEXT = 4
_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]{2,}")


def checked(
    source: str, written: str, language: str, source_language: str, glossary: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The translation with line breaks and white space as the text has them, and what is wrong with it.

    What is wrong is told in sentences for the model and for the caller.
    """
    if not written.strip():
        return "", ["it is missing"]
    translation = restore_line_breaks(source, written)
    if translation is None:
        lines = f"it has {lines_told(written)}, and the text {lines_told(source)}: keep each line in its place"
        return "", [lines, *markup_diff(source, written)]
    problems = markup_diff(source, translation)
    missing = [
        f"{term!r} as {glossary[term]!r}"
        for term in terms_in(source, glossary)
        if _folded(glossary[term]) not in _folded(translation)
    ]
    if missing:
        problems.append(f"the glossary is not kept, which wants {', '.join(missing)}")
    if not _is_of_a_length(source, translation):
        problems.append(f"it has {len(translation)} characters, and the text {len(source)}: translate all of it, once")
    if is_other_language(masked(translation), language):
        problems.append(f"it is not in the language {language}")
    elif primary(language) != primary(detect(masked(source)) or source_language) and _is_the_text(source, translation):
        problems.append("it is the text itself, not translated")
    return translation, problems


def terms_in(text: str, glossary: Mapping[str, str]) -> list[str]:
    """The terms that stand in the text as whole words, save inside a longer term or inside what stays as it is."""
    left, found = _folded(masked(text)), list[str]()
    for term in sorted(glossary, key=len, reverse=True):
        folded, between, end = _folded(term), list[str](), 0
        for begin in places(folded, left, _goes_on):
            between.append(left[end:begin])
            end = begin + len(folded)
        if between:
            left = MASK.join([*between, left[end:]])
            found.append(term)
    return found


def _goes_on(_: str, beside: str) -> bool:
    """.NET is no term in ASP.NET, and nome none in nome_cliente."""
    return is_spaced(beside) or beside == "_"


def _is_of_a_length(source: str, translation: str) -> bool:
    """Whether a text can have come to that many characters: Chinese takes a quarter of what English does."""
    return len(source) <= 10 * len(translation) and len(translation) <= 8 * len(source) + 200


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()


def _is_the_text(source: str, translation: str) -> bool:
    words = _words(source)
    return len(words) >= _WORDS_OF_A_TEXT and words == _words(translation)


def _words(text: str) -> list[str]:
    """Without names, which are the same in every language."""
    return [word for word in _WORD.findall(masked(text)) if word[0].islower()]
