"""What of a prompt or an answer may be kept, by the tenant's choice: all of it, all but personal data, or nothing.

Numbers with check digits are taken out only where these are right, so that prices and order numbers stay.
"""

import re
from collections.abc import Callable
from functools import partial

from stdnum import luhn
from stdnum.br import cnpj, cpf

from nexus_ai.tenants.models import AuditContent

EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
CNPJ = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Za-z]{2}\.?[0-9A-Za-z]{3}\.?[0-9A-Za-z]{3}/?[0-9A-Za-z]{4}-?[0-9]{2}(?![0-9A-Za-z])"
)
CARD = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
CPF = re.compile(r"(?<![0-9])[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}(?![0-9])")
# Brazilian numbers with an area code, with or without +55; others with a leading +.
PHONE = re.compile(
    r"(?<![0-9])(?:\+55[ -]?)?\(?[1-9][0-9]\)?[ -]?9?[0-9]{4}[ -]?[0-9]{4}(?![0-9])"
    r"|\+[0-9](?:[ -]?[0-9]){7,14}(?![0-9])"
)

RULES: tuple[tuple[re.Pattern[str], Callable[[str], bool], str], ...] = (
    (EMAIL, lambda _: True, "[e-mail]"),
    (CNPJ, lambda text: bool(cnpj.is_valid(text)), "[CNPJ]"),
    (CARD, lambda text: bool(luhn.is_valid(re.sub(r"[ -]", "", text))), "[card]"),
    (CPF, lambda text: bool(cpf.is_valid(text)), "[CPF]"),
    (PHONE, lambda _: True, "[phone]"),
)


def redact(text: str) -> str:
    """The text with e-mail addresses, CNPJ, card numbers, CPF and phone numbers taken out."""
    for pattern, is_real, instead in RULES:
        text = pattern.sub(partial(_replaced, is_real, instead), text)
    return text


def _replaced(is_real: Callable[[str], bool], instead: str, match: re.Match[str]) -> str:
    return instead if is_real(match[0]) else match[0]


def kept(text: str, choice: AuditContent) -> str | None:
    """What may be kept of a text; None for nothing."""
    match choice:
        case AuditContent.FULL:
            return text
        case AuditContent.REDACTED:
            return redact(text)
        case AuditContent.NONE:
            return None
