"""Test that personal data is removed from stored content, and that similar numbers stay."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.br import cnpj, cpf

from nexus_ai.settings.content_policy import apply_content_policy, redact
from nexus_ai.settings.models import AuditContent

PERSONAL = {
    "529.982.247-25": "[CPF]",
    "52998224725": "[CPF]",
    "529 982 247 25": "[CPF]",
    "11.222.333/0001-81": "[CNPJ]",
    "11222333000181": "[CNPJ]",
    "12.ABC.345/01DE-35": "[CNPJ]",
    "12abc34501de35": "[CNPJ]",
    "4111 1111 1111 1111": "[card]",
    "4111-1111-1111-1111": "[card]",
    "5555555555554444": "[card]",
    "3782 822463 10005": "[card]",
    "6304 0000 0000 0000 000": "[card]",
    "ana.souza+crm@clinica.com.br": "[e-mail]",
    "joão@clínica.com.br": "[e-mail]",
    "(11) 98765-4321": "[phone]",
    "11 98765 4321": "[phone]",
    "11987654321": "[phone]",
    "+55 (11) 98765-4321": "[phone]",
    "5511987654321": "[phone]",
    "(011) 3456-7890": "[phone]",
    "011 3456-7890": "[phone]",
    "98765-4321": "[phone]",
    "+351 912 345 678": "[phone]",
    "+1 (415) 555-2671": "[phone]",
}

HARMLESS = [
    "R$ 1.234.567,89 em até 12x de R$ 99,90",
    "De 1999 a 2026, 15% de desconto, código 2026-11-23",
    "CEP 01310-100, pedido 123456, SKU 7891000100103",
    "529.982.247-26",
    "52998224726",
    "11.222.333/0001-82",
    "11222333000182",
    "12.ABC.345/01DE-36",
    "4111 1111 1111 1112",
    "4111111111111112",
    "10 20 30 40 50 60 70 80 90 100",
    "@clinica no Instagram, a 100% de você",
    "das 10:30 às 18:45, 23/11/2026",
]


@pytest.mark.parametrize("personal", PERSONAL)
@pytest.mark.parametrize("around", ["{}", "Fale com {}.", "Dados:\n{}\nObrigada", "({}, urgente)"])
def test_personal_data_is_redacted_anywhere_in_a_text(personal: str, around: str) -> None:
    assert redact(around.format(personal)) == around.format(PERSONAL[personal])


@pytest.mark.parametrize("text", HARMLESS)
def test_prices_dates_and_invalid_numbers_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("card", ["4111 1111 1111 1111", "4111111111111111", "4111-1111-1111-1111"])
def test_card_number_is_redacted_between_other_numbers(card: str) -> None:
    assert redact(f"pedido 12 {card} 123, {card} 12/28") == "pedido 12 [card] 123, [card] 12/28"


def test_several_kinds_of_personal_data_are_redacted() -> None:
    text = "Ana, CPF 529.982.247-25, da clínica 11.222.333/0001-81, ana@clinica.com.br ou (11) 98765-4321."

    assert redact(text) == "Ana, CPF [CPF], da clínica [CNPJ], [e-mail] ou [phone]."


def test_json_inside_json_is_redacted_and_stays_json() -> None:
    content = json.dumps({"request": "Contatos:\nana@clinica.com.br\n12.ABC.345/01DE-35", "cpf": 52998224725})
    prompt = json.dumps({"system": "Escreva.", "messages": [{"role": "user", "text": content}]})

    (message,) = json.loads(redact(prompt))["messages"]

    assert json.loads(message["text"]) == {"request": "Contatos:\n[e-mail]\n[CNPJ]", "cpf": "[CPF]"}


def test_escaped_json_is_redacted() -> None:
    assert json.loads(redact(r'{"text": "ana\u0040clinica.com.br"}')) == {"text": "[e-mail]"}


@pytest.mark.parametrize("text", ['{ "text" : "R$ 10,00", "n": [1, 2.50, true, null] }', "[" * 100_000, "{broken"])
def test_text_without_personal_data_is_unchanged(text: str) -> None:
    assert redact(text) == text


def test_structure_deeper_than_the_stack_is_redacted_as_text() -> None:
    assert redact("[" * 900 + '"529.982.247-25"' + "]" * 900) == "[" * 900 + '"[CPF]"' + "]" * 900


@given(st.text("0123456789", min_size=9, max_size=9))
def test_every_valid_cpf_is_redacted_and_no_other(digits: str) -> None:
    assume(digits.strip("0"))
    right = next(check for check in (f"{number:02}" for number in range(100)) if cpf.is_valid(digits + check))
    wrong = f"{(int(right) + 1) % 100:02}"
    for check, result in ((right, "[CPF]"), (wrong, None)):
        text = f"{digits[:3]}.{digits[3:6]}.{digits[6:]}-{check}"
        assert redact(f"CPF {text}!") == f"CPF {result or text}!"


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12))
def test_every_valid_cnpj_is_redacted_and_no_other(root: str) -> None:
    assume(root.strip("0"))
    right = cnpj.calc_check_digits(root)
    wrong = f"{(int(right) + 1) % 100:02}"
    for check, result in ((right, "[CNPJ]"), (wrong, None)):
        text = f"{root[:2]}.{root[2:5]}.{root[5:8]}/{root[8:]}-{check}"
        assert redact(f"CNPJ {text}!") == f"CNPJ {result or text}!"


@given(st.from_regex(r"[346][0-9]{14}|5[1-4][0-9]{13}", fullmatch=True), st.sampled_from(["", " ", "-"]))
def test_every_valid_card_number_is_redacted_and_no_other(digits: str, gap: str) -> None:
    right = luhn.calc_check_digit(digits)
    wrong = str((int(right) + 1) % 10)
    for check, result in ((right, "[card]"), (wrong, None)):
        number = digits + check
        text = gap.join(number[place : place + 4] for place in range(0, 16, 4))
        redacted = redact(f"cartão {text}!")
        # The end of a number that is not a card may look like a phone number: 5100 5511 2000 0006.
        assert redacted == f"cartão {result or text}!" or (not result and gap and redacted.endswith("[phone]!"))


def test_tenant_chooses_how_much_content_is_stored() -> None:
    text = "CPF 529.982.247-25"

    assert [apply_content_policy(text, choice) for choice in AuditContent] == [text, "CPF [CPF]", None]
