"""Apply a tenant's content policy to prompts and completions: keep everything, redact personal data, or keep nothing.

Numbers with check digits are redacted only if the check digits are correct, so that prices and order numbers stay.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from stdnum import luhn
from stdnum.br import cnpj, cpf

from nexus_ai.settings.models import AuditContent

# The look-behind avoids a match attempt at every letter of a long word.
EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]+@[\w-]+(?:\.[\w-]+)+")
CNPJ = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Za-z]{2}\.?[0-9A-Za-z]{3}\.?[0-9A-Za-z]{3}/?[0-9A-Za-z]{4}-?[0-9]{2}(?![0-9A-Za-z])"
)
CPF = re.compile(r"(?<![0-9])[0-9]{3}[. ]?[0-9]{3}[. ]?[0-9]{3}[- ]?[0-9]{2}(?![0-9])")
# Anatel's area codes. Mobile numbers begin with 9, others with 2 to 5.
AREA = "(?:[14689][1-9]|2[12478]|3[1-578]|5[1345]|7[134579])"
# Brazilian numbers with their area code, Brazilian mobile numbers without, and foreign numbers with a leading +.
PHONE = re.compile(
    rf"(?<![0-9])(?:(?:\+|00)?55[ .-]?)?(?:\(0?{AREA}\)|0{AREA}(?=[ .-])|{AREA})[ .-]{{0,2}}"
    r"(?:9[ .-]?[0-9]{4}|[2-5][0-9]{3})[ .-]?[0-9]{4}(?![0-9])"
    r"|(?<![0-9])9[0-9]{4}-[0-9]{4}(?![0-9])"
    r"|\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}(?![0-9])"
)
# A row of numbers. A card number may be next to its expiry month or its security code.
ROW = re.compile(r"[0-9]+(?:[ \u00a0-][0-9]+)*")
GAP = re.compile(r"([ \u00a0-])")
# Group lengths in which the 13 to 19 digits of a card number are written.
CARD_GROUPS = frozenset({(4, 4, 4, 4, 3), (4, 4, 4, 4), (4, 4, 4, 1), (4, 6, 5), (4, 6, 4)})
CARD_LENGTHS = range(13, 20)


def redact(text: str) -> str:
    """Replace e-mail addresses, CNPJ, card numbers, CPF and phone numbers in a text.

    JSON stays valid JSON: its strings are redacted, and so is JSON within these strings.
    """
    if text.lstrip()[:1] in {"{", "["}:
        try:
            value: object = json.loads(text)
            redacted = _redacted(value)
            return text if redacted == value else json.dumps(redacted, ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return _redact_plain(text)


def apply_content_policy(text: str, choice: AuditContent) -> str | None:
    """Return the part of a text that may be stored; None if nothing may be stored."""
    match choice:
        case AuditContent.FULL:
            return text
        case AuditContent.REDACTED:
            return redact(text)
        case AuditContent.NONE:
            return None


def _redacted(value: object) -> object:
    match value:
        case str():
            return redact(value)
        case dict():
            members = cast("Mapping[str, object]", value)
            return {redact(name): _redacted(member) for name, member in members.items()}
        case list():
            return [_redacted(element) for element in cast("Sequence[object]", value)]
        case int() if not isinstance(value, bool):
            written = str(value)
            redacted = _redact_plain(written)
            return value if redacted == written else redacted
        case _:
            return value


def _redact_plain(text: str) -> str:
    text = EMAIL.sub("[e-mail]", text)
    text = CNPJ.sub(partial(_replaced, cnpj.is_valid, "[CNPJ]"), text)
    text = ROW.sub(_without_cards, text)
    text = CPF.sub(partial(_replaced, cpf.is_valid, "[CPF]"), text)
    return PHONE.sub("[phone]", text)


def _replaced(is_valid: Callable[[str], bool], replacement: str, match: re.Match[str]) -> str:
    return replacement if is_valid(match[0]) else match[0]


def _without_cards(row: re.Match[str]) -> str:
    """Replace the card numbers of a row. Even elements of `parts` are groups of digits, odd ones are separators."""
    parts = GAP.split(row[0])
    place = 0
    while place < len(parts):
        for groups in (5, 4, 3, 1):
            end = place + 2 * groups - 1
            if end <= len(parts) and _is_card(parts[place:end:2]):
                parts[place:end] = ["[card]"]
                break
        place += 2
    return "".join(parts)


def _is_card(groups: list[str]) -> bool:
    lengths = tuple(len(group) for group in groups)
    fits = lengths in CARD_GROUPS or (len(groups) == 1 and lengths[0] in CARD_LENGTHS)
    return fits and bool(luhn.is_valid("".join(groups)))
