"""Measure the length of a text as each platform counts it. The limits are in platforms.py."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType


class Unit(StrEnum):
    """Unit of a length limit. Each has a function of the same name below."""

    UTF16 = "utf16"
    GSM7 = "gsm7"
    WEIGHTED = "weighted"
    WIDTH = "width"


# 3GPP TS 23.038, 6.2.1: the default alphabet, without the escape to its extension table.
_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# 6.2.1.1: the extension table. Each of its characters is sent after an escape.
_GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")

# https://github.com/twitter/twitter-text/blob/master/config/v3.json: these code points weigh one, all others two.
_WEIGHT_ONE_RANGES = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
URL_WEIGHT = 23
# Top-level domains of two letters belong to countries.
COUNTRY_DOMAIN_LETTERS = 2
EMOJI_WEIGHT = 2
# The patterns are compiled on first use: it takes 10 ms, and only copy for X needs them.
# Emoji sequences follow https://unicode.org/reports/tr51/: keycaps, flags, and pictographs with a presentation selector
# or a skin tone, joined by ZWJ. Signs that are pictographs only with a selector (©, ™) need it.
_PICTOGRAPH = (
    "[\u203c\u2049\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934-\u2b55"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
)
_ONE_EMOJI = rf"(?:[\xa9\xae\u2122]\ufe0f|{_PICTOGRAPH}[\ufe0f\U0001f3fb-\U0001f3ff]?)"
_EMOJI = (
    "[0-9#*]\ufe0f?\u20e3|[\U0001f1e6-\U0001f1ff]{2}"
    rf"|\U0001f3f4[\U000e0061-\U000e007a]+\U000e007f|{_ONE_EMOJI}(?:\u200d{_ONE_EMOJI})*"
)

# https://github.com/twitter/twitter-text/tree/master/js/src/regexp (extractUrl and its parts).
_LABEL = r"[^\W_](?:[\w-]{0,62}[^\W_])?"
_ASCII_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?"
_HOST = (
    rf"(?<![A-Za-z0-9@＠$#＃])(?P<scheme>https?://)(?P<named>{_LABEL}(?:\.{_LABEL})+)"
    rf"|(?<![A-Za-z0-9@＠$#＃\-_./])(?P<bare>{_ASCII_LABEL}(?:\.{_ASCII_LABEL})+)"
)
_LETTER = r"a-z0-9\u0400-\u04ff\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_INSIDE = rf"[{_LETTER}!*';:=+,.$/%#\[\]\u2013_~@|&-]"
# Round brackets belong to a path only in pairs.
_PATH = (
    rf"(?::[0-9]+)?(?:/(?:(?:{_INSIDE}|\({_INSIDE}++\))*(?:[{_LETTER}+=_#/-]|\({_INSIDE}++\)))?)?"
    r"(?:\?[a-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]*[a-z0-9_&=#/-])?"
)


def utf16(text: str) -> int:
    """Return the UTF-16 code units. TikTok counts them; for platforms that only say "characters" they are safe."""
    return len(text.encode("utf-16-le")) // 2


def is_gsm7(text: str) -> bool:
    """Return True if an SMS can send the text in the GSM 7-bit alphabet, with up to 160 septets."""
    return not characters_outside_gsm7(text)


def characters_outside_gsm7(text: str) -> str:
    """Return each character once that forces an SMS to UTF-16."""
    return "".join(dict.fromkeys(character for character in text if character not in _GSM7 | _GSM7_EXTENSION))


def gsm7(text: str) -> int:
    """Return the septets. A character of the extension table takes two."""
    return len(text) + sum(character in _GSM7_EXTENSION for character in text)


def width(text: str) -> int:
    """Return the width as Google Ads counts it. Wide East Asian characters are two.

    Source: https://support.google.com/google-ads/answer/1704389
    """
    composed = unicodedata.normalize("NFC", text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in composed)


def weighted(text: str) -> int:
    """Return the weighted length as X counts it.

    Sources: https://docs.x.com/fundamentals/counting-characters, and twitter-text for cases that it does not cover.
    """
    composed = unicodedata.normalize("NFC", text)
    total = end = 0
    for start, after, weight in _urls(composed):
        total += _weight(composed[end:start]) + weight
        end = after
    return total + _weight(composed[end:])


COUNT: Mapping[Unit, Callable[[str], int]] = MappingProxyType(
    {Unit.UTF16: utf16, Unit.GSM7: gsm7, Unit.WEIGHTED: weighted, Unit.WIDTH: width}
)


def _weight(text: str) -> int:
    """Return the number of characters, as X counts them, of a text that contains no URL."""
    plain, emoji = re.subn(_EMOJI, "", text)
    return emoji * EMOJI_WEIGHT + sum(1 if _weighs_one(ord(character)) else 2 for character in plain)


def _weighs_one(code_point: int) -> bool:
    return any(first <= code_point <= last for first, last in _WEIGHT_ONE_RANGES)


def _urls(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield the start, the end and the weight of each URL."""
    end = 0
    for found in re.finditer(_HOST, text, re.IGNORECASE):
        if found.start() < end:
            continue
        name = "named" if found["scheme"] else "bare"
        host_end = found.start(name) + _linkable_host_length(found[name], text[found.end() : found.end() + 1])
        if host_end == found.start(name):
            continue
        path = re.match(_PATH, text[host_end:], re.IGNORECASE) if host_end == found.end() else None
        end = host_end + (path.end() if path else 0)
        yield found.start(), end, _url_weight(text[found.start() : end], found[name])


def _linkable_host_length(host: str, next_character: str) -> int:
    """Return the length of a host up to its last label that is a top-level domain, or 0 if there is none."""
    labels = host.split(".")
    for count in range(len(labels), 1, -1):
        following = next_character if count == len(labels) else "."
        label = labels[count - 1]
        is_top_level_domain = label.upper() in _top_level_domains() or not label.isascii()
        if is_top_level_domain and not re.match(r"[A-Za-z0-9@]", following):
            return len(".".join(labels[:count]))
    return 0


def _url_weight(url: str, host: str) -> int:
    # X links bare names under a country's domain (oi.tv) and domains that are not ASCII only in some places. The
    # greater weight is safe.
    top_level_domain = host.rpartition(".")[2]
    is_bare = url == host and host.count(".") == 1 and len(top_level_domain) == COUNTRY_DOMAIN_LETTERS
    return max(URL_WEIGHT, _weight(url)) if is_bare or not top_level_domain.isascii() else URL_WEIGHT


@cache
def _top_level_domains() -> frozenset[str]:
    """Return the names of https://data.iana.org/TLD/tlds-alpha-by-domain.txt in upper case."""
    lines = (Path(__file__).parent / "top_level_domains.txt").read_text("ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
