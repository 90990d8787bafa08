"""Define the JSON that a model returns for each form of copy, and turn it into a variation."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from nexus_ai.tasks.copywriting import counting
from nexus_ai.tasks.copywriting.counting import Unit
from nexus_ai.tasks.copywriting.models import BlogCopy, CopyVariation, EmailCopy, GoogleAdsCopy, Length
from nexus_ai.tasks.copywriting.platforms import SMS_UTF16, Form, Limit, PlatformRules
from nexus_ai.tasks.shared.output_json import validate_as

_LINE_BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
# Plain replacements for typographic characters: a single one of them reduces an SMS from 160 characters to 70.
_TYPOGRAPHIC = str.maketrans(
    dict.fromkeys("“”„«»", '"') | dict.fromkeys("‘’", "'") | dict.fromkeys("–—•", "-") | {"…": "...", "\xa0": " "}
)


class _Output(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, alias_generator=to_camel)


class _PostOutput(_Output):
    text: str
    hashtags: tuple[str, ...] = ()


class _EmailOutput(_Output):
    subject: str
    preheader: str
    body: str


class _AdsOutput(_Output):
    headlines: tuple[str, ...]
    descriptions: tuple[str, ...]


class _BlogOutput(_Output):
    title: str
    meta_description: str
    body: str


def schema_properties(rules: PlatformRules) -> dict[str, Any]:
    """Return the JSON Schema of each member of a variation."""
    string = {"type": "string"}
    strings = {"type": "array", "items": string}
    match rules.form:
        case Form.POST:
            return {"text": string, "hashtags": strings} if rules.has_hashtags else {"text": string}
        case Form.EMAIL:
            return dict.fromkeys(("subject", "preheader", "body"), string)
        case Form.ADS:
            return dict.fromkeys(("headlines", "descriptions"), strings)
        case Form.BLOG:
            return dict.fromkeys(("title", "metaDescription", "body"), string)


def parse_variation(value: object, rules: PlatformRules) -> CopyVariation:
    """Return a variation with normalized texts and measured lengths.

    Raises:
        InvalidOutputError: The value does not have the members of the platform's form.
    """
    return _PARSERS[rules.form](value, rules)


def visible_parts(variation: CopyVariation) -> dict[str, str]:
    """Return every text that readers see, by part. Entries of a list are numbered: `headlines.0`."""
    if variation.email:
        return variation.email.model_dump()
    if variation.blog:
        blog = variation.blog
        return {"title": blog.title, "metaDescription": blog.meta_description, "body": blog.body}
    if variation.google_ads:
        return _ad_parts(variation.google_ads)
    return {"text": variation.text} | {f"hashtags.{at}": tag for at, tag in enumerate(variation.hashtags)}


def text_with_hashtags(variation: CopyVariation) -> str:
    """Return the text followed by an empty line and the hashtags, as it is published."""
    return f"{variation.text}\n\n{' '.join(variation.hashtags)}" if variation.hashtags else variation.text


def _parse_post(value: object, rules: PlatformRules) -> CopyVariation:
    output = validate_as(value, _PostOutput)
    text = _normalize_lines(output.text)
    if rules.is_sms:
        text = text.translate(_TYPOGRAPHIC)
    trailing: list[str] = []
    if rules.has_hashtags:
        text, trailing = _split_trailing_hashtags(text)
    hashtags = _normalize_hashtags((*trailing, *output.hashtags)) if rules.has_hashtags else ()
    variation = CopyVariation(text=text, hashtags=hashtags, lengths=())
    return _with_lengths(variation, {"text": text_with_hashtags(variation)}, rules)


def _parse_email(value: object, rules: PlatformRules) -> CopyVariation:
    output = validate_as(value, _EmailOutput)
    email = EmailCopy(
        subject=_normalize_line(output.subject),
        preheader=_normalize_line(output.preheader),
        body=_normalize_lines(output.body),
    )
    variation = CopyVariation(text=email.body, hashtags=(), email=email, lengths=())
    return _with_lengths(variation, visible_parts(variation), rules)


def _parse_ads(value: object, rules: PlatformRules) -> CopyVariation:
    output = validate_as(value, _AdsOutput)
    ads = GoogleAdsCopy(headlines=_distinct_lines(output.headlines), descriptions=_distinct_lines(output.descriptions))
    text = "\n".join((*ads.headlines, *ads.descriptions))
    variation = CopyVariation(text=text, hashtags=(), google_ads=ads, lengths=())
    return _with_lengths(variation, visible_parts(variation), rules)


def _parse_blog(value: object, rules: PlatformRules) -> CopyVariation:
    output = validate_as(value, _BlogOutput)
    blog = BlogCopy(
        title=_normalize_line(output.title),
        meta_description=_normalize_line(output.meta_description),
        body=_normalize_lines(output.body),
    )
    variation = CopyVariation(text=blog.body, hashtags=(), blog=blog, lengths=())
    return _with_lengths(variation, visible_parts(variation), rules)


_PARSERS: Mapping[Form, Callable[[object, PlatformRules], CopyVariation]] = MappingProxyType(
    {Form.POST: _parse_post, Form.EMAIL: _parse_email, Form.ADS: _parse_ads, Form.BLOG: _parse_blog}
)


def _with_lengths(variation: CopyVariation, texts: Mapping[str, str], rules: PlatformRules) -> CopyVariation:
    limited = [(part, text, rules.limits.get(part.partition(".")[0])) for part, text in texts.items()]
    lengths = tuple(_measure(part, text, limit) for part, text, limit in limited if limit)
    return variation.model_copy(update={"lengths": lengths})


def _measure(part: str, text: str, limit: Limit) -> Length:
    applicable = SMS_UTF16 if limit.unit is Unit.GSM7 and not counting.is_gsm7(text) else limit
    return Length(part=part, used=counting.COUNT[applicable.unit](text), max=applicable.maximum, unit=applicable.unit)


def _ad_parts(ads: GoogleAdsCopy) -> dict[str, str]:
    headlines = {f"headlines.{at}": headline for at, headline in enumerate(ads.headlines)}
    return headlines | {f"descriptions.{at}": description for at, description in enumerate(ads.descriptions)}


def _normalize_line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _normalize_lines(text: str) -> str:
    """Return the text in NFC with one kind of line break and at most one empty line at a time."""
    with_newlines = _LINE_BREAKS.sub("\n", unicodedata.normalize("NFC", text)).replace("\t", " ")
    lines = (line.rstrip(" ") for line in with_newlines.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _distinct_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the normalized texts in order, without repetitions that differ only in case."""
    found: dict[str, str] = {}
    for text in map(_normalize_line, texts):
        found.setdefault(text.casefold(), text)
    return tuple(found.values())


def _normalize_hashtags(output: Iterable[str]) -> tuple[str, ...]:
    stripped = (tag.strip() for tag in output)
    return _distinct_lines(tag if tag.startswith("#") else f"#{tag}" for tag in stripped if tag)


def _split_trailing_hashtags(text: str) -> tuple[str, list[str]]:
    """Return the text without its last lines that contain only hashtags, and these hashtags in order."""
    lines = text.split("\n")
    found: list[str] = []
    while len(lines) > 1 and all(word.startswith("#") for word in lines[-1].split()):
        found += reversed(lines.pop().split())
    return "\n".join(lines).rstrip(), found[::-1]
