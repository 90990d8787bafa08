"""Check marketing copy: platform limits, required and forbidden words, language, and no leftovers such as Markdown."""

import re
import unicodedata
from collections.abc import Iterator

from nexus_ai.model_calls import InvalidOutputError
from nexus_ai.tasks.copywriting import counting
from nexus_ai.tasks.copywriting.counting import Unit
from nexus_ai.tasks.copywriting.models import CopyContext, CopyVariation, GoogleAdsCopy, Length
from nexus_ai.tasks.copywriting.output_schema import parse_variation, text_with_hashtags, visible_parts
from nexus_ai.tasks.copywriting.platforms import DESCRIPTIONS, HEADLINES, PLATFORMS, SMS_GSM7, Form, PlatformRules
from nexus_ai.tasks.copywriting.words import is_said, occurs, occurs_without_accents, split_hashtag, strip_accents
from nexus_ai.tasks.shared.language import is_other_language

MAX_QUOTED_LETTERS = 10
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_LETTER = re.compile(r"[^\W_]")
_HASHTAG = re.compile(r"(?<![\w&])#\w")
_MENTION = re.compile(r"(?<![\w.])@\w")
_MARKDOWN = re.compile(r"\*\*|^#{1,6} |\]\(", re.MULTILINE)


def validate_variation(output: object, context: CopyContext) -> CopyVariation:
    """Return the variation of one member of a completion.

    Raises:
        InvalidOutputError: The variation breaks a rule of the platform or of the request.
    """
    rules = PLATFORMS[context.platform]
    variation = parse_variation(output, rules)
    problems = [
        *_platform_problems(variation, rules),
        *(_ad_problems(variation.google_ads) if variation.google_ads else ()),
        *_word_problems(variation, context),
    ]
    if context.language and is_other_language("\n".join(visible_parts(variation).values()), context.language):
        problems.append(f"it is not in the language {context.language}")
    if problems:
        raise InvalidOutputError(*problems)
    return variation


def required_word_problems(context: CopyContext) -> list[str]:
    """Return one sentence for each platform rule that no copy with all of `words_to_use` can keep.

    The shortest possible copy is checked: the words alone, without those that are part of a longer one.
    """
    rules = PLATFORMS[context.platform]
    words: list[str] = []
    for word in sorted(context.words_to_use, key=len, reverse=True):
        if not any(occurs(word, longer) for longer in words):
            words.append(word)
    if rules.form is Form.ADS:
        return _words_too_long_for_ad_lines(words, rules)
    if rules.form is not Form.POST or not words:
        return []
    text = " ".join(words)
    variation = parse_variation({"text": strip_accents(text) if rules.is_sms else text}, rules)
    return list(_platform_problems(variation, rules))


def _words_too_long_for_ad_lines(words: list[str], rules: PlatformRules) -> list[str]:
    """Return one sentence for each word that fits into no line of an ad. Words must be sorted, the longest first.

    Each word is placed into the first line with enough space left.
    """
    headlines = [rules.limits["headlines"].maximum] * HEADLINES[-1]
    room = headlines + [rules.limits["descriptions"].maximum] * DESCRIPTIONS[-1]
    problems: list[str] = []
    for word in words:
        first = len(headlines) if "!" in word else 0
        needed = counting.width(word)
        line = next((at for at in range(first, len(room)) if needed <= room[at]), None)
        if line is None:
            problems.append(f'"{word}" does not fit into any headline or description')
        else:
            room[line] -= needed + len(" ")
    return problems


def _platform_problems(variation: CopyVariation, rules: PlatformRules) -> Iterator[str]:
    yield from _part_problems(variation)
    yield from (_length_problem(length, variation, rules) for length in variation.lengths if length.used > length.max)
    yield from _mark_problems(variation, rules)


def _part_problems(variation: CopyVariation) -> Iterator[str]:
    for part, text in visible_parts(variation).items():
        if not _LETTER.search(text):
            yield f"{part} says nothing"
        if _CONTROL.search(text):
            yield f"{part} has control characters"
    if not all(_is_hashtag(tag) for tag in variation.hashtags):
        yield "it has a hashtag that is not one word of letters and digits behind a #"


def _is_hashtag(tag: str) -> bool:
    body = tag.removeprefix("#")
    return any(map(str.isalpha, body)) and all(
        character.isalnum() or character == "_" or unicodedata.category(character).startswith("M") for character in body
    )


def _length_problem(length: Length, variation: CopyVariation, rules: PlatformRules) -> str:
    measured = f"{length.part} has {length.used} characters{' with its hashtags' if variation.hashtags else ''}"
    if rules.is_sms and length.unit is Unit.UTF16:
        letters = " ".join(counting.characters_outside_gsm7(variation.text)[:MAX_QUOTED_LETTERS])
        return f"{measured}, and with {letters} in it {length.max} are allowed; without them {SMS_GSM7.maximum}"
    return f"{measured}, and {length.max} are allowed: take out at least {length.used - length.max}"


def _mark_problems(variation: CopyVariation, rules: PlatformRules) -> Iterator[str]:
    published = text_with_hashtags(variation)
    hashtags, mentions = len(_HASHTAG.findall(published)), len(_MENTION.findall(published))
    if rules.max_hashtags is not None and hashtags > rules.max_hashtags:
        yield f"it has {hashtags} hashtags, and {rules.max_hashtags} are allowed"
    if rules.max_mentions is not None and mentions > rules.max_mentions:
        yield f"it has {mentions} mentions, and {rules.max_mentions} are allowed"
    if not rules.is_markdown and _MARKDOWN.search(published):
        yield "it has Markdown (**, # or links), whose marks readers would see"


def _ad_problems(ads: GoogleAdsCopy) -> Iterator[str]:
    """Yield problems of a responsive search ad.

    Rules: https://support.google.com/google-ads/answer/7684791, for exclamation marks /answer/14847994.
    """
    for name, texts, counts in (
        ("headlines", ads.headlines, HEADLINES),
        ("descriptions", ads.descriptions, DESCRIPTIONS),
    ):
        if len(texts) not in counts:
            yield f"it has {len(texts)} different {name}, and {counts[0]} to {counts[-1]} are allowed"
    if any("!" in headline for headline in ads.headlines):
        yield "a headline has an exclamation mark, and none is allowed there"


def _word_problems(variation: CopyVariation, context: CopyContext) -> Iterator[str]:
    texts = [*visible_parts(variation).values(), *map(split_hashtag, variation.hashtags)]
    # An SMS with accents holds less than half the characters of one without, so words may lose their accents.
    is_found = occurs_without_accents if PLATFORMS[context.platform].is_sms else occurs
    for word in context.words_to_use:
        if not any(is_found(word, text) for text in texts):
            yield f'it does not have "{word}", as it has to'
    for word in context.words_to_avoid:
        if any(is_said(word, text) for text in texts):
            yield f'it has "{word}", which it must not have'
