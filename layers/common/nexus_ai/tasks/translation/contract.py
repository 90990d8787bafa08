"""Check a translation: literals, Markdown, lines, glossary and language must be as requested."""

import re
import unicodedata
from collections.abc import Mapping

from nexus_ai.tasks.shared.language import detect, is_other_language, primary
from nexus_ai.tasks.shared.word_match import find_phrase, is_spaced_letter
from nexus_ai.tasks.translation.markup import describe_lines, markup_diff, restore_line_breaks
from nexus_ai.tasks.translation.placeholders import MASK, masked

# Shorter texts may be the same in both languages; from this number of words on, an unchanged text is an error.
_MIN_WORDS = 4
_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]{2,}")


def check_translation(
    source: str, output: str, language: str, source_language: str, glossary: Mapping[str, str]
) -> tuple[str, list[str]]:
    """Return the translation with the source's line breaks and white space, and its problems.

    Args:
        source: The text that was translated.
        output: The translation as the model returned it.
        language: The BCP 47 tag of the target language.
        source_language: The BCP 47 tag to assume if the source's language cannot be detected.
        glossary: Required translations by term.

    Returns:
        The translation, empty if it cannot be aligned with the source, and one sentence for each problem. The model
        gets the sentences for a repair, and the caller gets them if the repair fails.
    """
    if not output.strip():
        return "", ["it is missing"]
    translation = restore_line_breaks(source, output)
    if translation is None:
        lines = f"it has {describe_lines(output)}, and the text {describe_lines(source)}: keep each line in its place"
        return "", [lines, *markup_diff(source, output)]
    problems = markup_diff(source, translation)
    missing = [
        f"{term!r} as {glossary[term]!r}"
        for term in terms_in(source, glossary)
        if _normalize(glossary[term]) not in _normalize(translation)
    ]
    if missing:
        problems.append(f"the glossary is not kept, which wants {', '.join(missing)}")
    if not _has_plausible_length(source, translation):
        problems.append(f"it has {len(translation)} characters, and the text {len(source)}: translate all of it, once")
    if is_other_language(masked(translation), language):
        problems.append(f"it is not in the language {language}")
    elif primary(language) != primary(detect(masked(source)) or source_language) and _is_untranslated(
        source, translation
    ):
        problems.append("it is the text itself, not translated")
    return translation, problems


def terms_in(text: str, glossary: Mapping[str, str]) -> list[str]:
    """Return the glossary terms that occur in the text as whole words, the longest first.

    Occurrences inside a longer term or inside a literal do not count.
    """
    remaining, found = _normalize(masked(text)), list[str]()
    for term in sorted(glossary, key=len, reverse=True):
        normalized_term, between, end = _normalize(term), list[str](), 0
        for start in find_phrase(normalized_term, remaining, _continues_term):
            between.append(remaining[end:start])
            end = start + len(normalized_term)
        if between:
            remaining = MASK.join([*between, remaining[end:]])
            found.append(term)
    return found


def _continues_term(_: str, neighbour: str) -> bool:
    """Return True if the neighbour belongs to a longer word: `.NET` in `ASP.NET`, `nome` in `nome_cliente`."""
    return is_spaced_letter(neighbour) or neighbour == "_"


def _has_plausible_length(source: str, translation: str) -> bool:
    """Return False for a translation that repeats or omits much. Chinese needs a quarter of English's characters."""
    return len(source) <= 10 * len(translation) and len(translation) <= 8 * len(source) + 200


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()


def _is_untranslated(source: str, translation: str) -> bool:
    words = _lower_case_words(source)
    return len(words) >= _MIN_WORDS and words == _lower_case_words(translation)


def _lower_case_words(text: str) -> list[str]:
    """Return the words without names, because names are the same in every language."""
    return [word for word in _WORD.findall(masked(text)) if word[0].islower()]
