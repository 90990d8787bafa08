"""What copy has to keep: the platform's limits, the words, the language, and that it is ready to be published."""

import re
import unicodedata
from collections.abc import Iterator

from nexus_ai.model_calls import InvalidOutputError
from nexus_ai.tasks.copywriting import counting
from nexus_ai.tasks.copywriting.counting import Unit
from nexus_ai.tasks.copywriting.models import CopyContext, CopyVariation, GoogleAdsCopy, Length
from nexus_ai.tasks.copywriting.output_schema import as_posted, parse_variation, parts
from nexus_ai.tasks.copywriting.platforms import DESCRIPTIONS, HEADLINES, PLATFORMS, SMS_GSM7, Form, PlatformRules
from nexus_ai.tasks.copywriting.words import in_words, is_said, occurs, occurs_without_accents, without_accents
from nexus_ai.tasks.shared.language import is_other_language

LETTERS_TOLD = 10
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_LETTER = re.compile(r"[^\W_]")
_HASHTAG = re.compile(r"(?<![\w&])#\w")
_MENTION = re.compile(r"(?<![\w.])@\w")
_MARKDOWN = re.compile(r"\*\*|^#{1,6} |\]\(", re.MULTILINE)


def of_object(written: object, context: CopyContext) -> CopyVariation:
    """The variation that a model's object comes to. Raises ContractBroken."""
    rules = PLATFORMS[context.platform]
    variation = parse_variation(written, rules)
    problems = [
        *_of_platform(variation, rules),
        *(_ads(variation.google_ads) if variation.google_ads else ()),
        *_words(variation, context),
    ]
    if context.language and is_other_language("\n".join(parts(variation).values()), context.language):
        problems.append(f"it is not in the language {context.language}")
    if problems:
        raise InvalidOutputError(*problems)
    return variation


def broken_by_words(context: CopyContext) -> list[str]:
    """What every copy breaks that has all of `words_to_use` one after another, however little else it says."""
    rules = PLATFORMS[context.platform]
    words: list[str] = []
    for word in sorted(context.words_to_use, key=len, reverse=True):
        if not any(occurs(word, longer) for longer in words):
            words.append(word)
    if rules.form is Form.ADS:
        return _without_room_in_ads(words, rules)
    if rules.form is not Form.POST or not words:
        return []
    text = " ".join(words)
    variation = parse_variation({"text": without_accents(text) if rules.is_sms else text}, rules)
    return list(_of_platform(variation, rules))


def _without_room_in_ads(words: list[str], rules: PlatformRules) -> list[str]:
    """The words, given the longest first, that no line of an ad has place for any more."""
    headlines = [rules.limits["headlines"].most] * HEADLINES[-1]
    left = headlines + [rules.limits["descriptions"].most] * DESCRIPTIONS[-1]
    problems: list[str] = []
    for word in words:
        first = len(headlines) if "!" in word else 0
        taken = counting.width(word)
        place = next((at for at in range(first, len(left)) if taken <= left[at]), None)
        if place is None:
            problems.append(f'no line has room for "{word}"')
        else:
            left[place] -= taken + len(" ")
    return problems


def _of_platform(variation: CopyVariation, rules: PlatformRules) -> Iterator[str]:
    yield from _parts(variation)
    yield from (_too_long(length, variation, rules) for length in variation.lengths if length.used > length.max)
    yield from _marks(variation, rules)


def _parts(variation: CopyVariation) -> Iterator[str]:
    for part, text in parts(variation).items():
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


def _too_long(length: Length, variation: CopyVariation, rules: PlatformRules) -> str:
    told = f"{length.part} has {length.used} characters{' with its hashtags' if variation.hashtags else ''}"
    if rules.is_sms and length.unit is Unit.UTF16:
        foreign = " ".join(counting.foreign_to_gsm7(variation.text)[:LETTERS_TOLD])
        return f"{told}, and with {foreign} in it {length.max} are allowed; without them {SMS_GSM7.most}"
    return f"{told}, and {length.max} are allowed: take out at least {length.used - length.max}"


def _marks(variation: CopyVariation, rules: PlatformRules) -> Iterator[str]:
    posted = as_posted(variation)
    hashtags, mentions = len(_HASHTAG.findall(posted)), len(_MENTION.findall(posted))
    if rules.max_hashtags is not None and hashtags > rules.max_hashtags:
        yield f"it has {hashtags} hashtags, and {rules.max_hashtags} are allowed"
    if rules.max_mentions is not None and mentions > rules.max_mentions:
        yield f"it has {mentions} mentions, and {rules.max_mentions} are allowed"
    if not rules.is_markdown and _MARKDOWN.search(posted):
        yield "it has Markdown (**, # or links), whose marks readers would see"


def _ads(ads: GoogleAdsCopy) -> Iterator[str]:
    """https://support.google.com/google-ads/answer/7684791, and /answer/14847994 for the exclamation marks."""
    for name, texts, counts in (
        ("headlines", ads.headlines, HEADLINES),
        ("descriptions", ads.descriptions, DESCRIPTIONS),
    ):
        if len(texts) not in counts:
            yield f"it has {len(texts)} different {name}, and {counts[0]} to {counts[-1]} are allowed"
    if any("!" in headline for headline in ads.headlines):
        yield "a headline has an exclamation mark, and none is allowed there"


def _words(variation: CopyVariation, context: CopyContext) -> Iterator[str]:
    texts = [*parts(variation).values(), *map(in_words, variation.hashtags)]
    # An SMS with accents holds less than half of one without.
    found = occurs_without_accents if PLATFORMS[context.platform].is_sms else occurs
    for word in context.words_to_use:
        if not any(found(word, text) for text in texts):
            yield f'it does not have "{word}", as it has to'
    for word in context.words_to_avoid:
        if any(is_said(word, text) for text in texts):
            yield f'it has "{word}", which it must not have'
