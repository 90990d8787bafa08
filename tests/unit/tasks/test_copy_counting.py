"""Test that texts are measured as the platforms count them, with the platforms' own examples."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_ai.tasks.copywriting.counting import characters_outside_gsm7, gsm7, is_gsm7, utf16, weighted, width

# Weights from the conformance tests of twitter-text and from X's documentation.
WEIGHTS = {
    "": 0,
    "a" * 280: 280,
    "Promoção já começou": 19,
    "A\u0301B": 2,
    "のの": 4,
    "故人西辞黄鹤楼": 14,
    "“Olá” — até já…": 16,
    "\u200b\u200c\u200d": 3,
    "😷👾😡🔥💩": 10,
    "👨‍👩‍👧‍👦": 2,
    "👩🏽‍⚕️": 2,
    "🙋🏽👨‍🎤": 4,
    "🇧🇷": 2,
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f": 2,
    "1️⃣": 2,
    "☺️": 2,
    "☺": 2,
    "© ®": 3,
    "©️": 2,
    "👍" + "\u0301" * 3: 5,
    "a\ufe0f": 3,
}
URLS = {
    "http://test.co": 23,
    "Hi http://test.co": 26,
    "https://clinicabela.com.br/agenda/limpeza-de-pele?utm_source=x&utm_medium=post#hoje": 23,
    "HTTPS://WWW.Exemplo.COM": 23,
    "clinicabela.com.br": 23,
    "www.sorrisovivo.com.br/agenda": 23,
    "Veja clinicabela.com.br.": 29,
    "(https://a.com/b)": 25,
    "https://a.com/b_(c)": 23,
    "https://a.com/b, já": 27,
    "https://a.com/?q=1!": 24,
    "https://a.com:8080/x": 23,
    "https://clínica.com.br/preço": 23,
    "https://www.x.com/a https://www.x.com/b": 47,
    "site.com.Agende": 30,
    # These are not URLs and count by their characters.
    "Chegou.Agende já": 16,
    "http://a.invalid/x": 18,
    "contato@clinicabela.com.br": 26,
    "@clinica.com": 12,
    "3.5 de 4.0": 10,
    "R$ 1.200,00": 11,
    "-clinica.com.br": 15,
    # Uncertain cases count the greater weight.
    "oi.tv": 23,
    "clinica-odontologica-dos-sorrisos.br": 36,
    "https://а.рф": 23,
}


@pytest.mark.parametrize(("text", "weight"), [*WEIGHTS.items(), *URLS.items()])
def test_x_counts_weighted_length(text: str, weight: int) -> None:
    assert weighted(text) == weight


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_weight_is_at_most_two_per_character_and_23_per_url(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert weighted(text) <= 2 * len(composed) + 23 * text.count(".")
    if text.isascii() and "." not in text and not set("#*0123456789") & set(text):
        assert weighted(text) == len(text)


@settings(max_examples=200)
@given(st.text(max_size=40), st.text(max_size=40))
def test_space_between_two_texts_weighs_one(first: str, second: str) -> None:
    assert weighted(f"{first.strip()} . {second.strip()}") == weighted(first.strip()) + 3 + weighted(second.strip())


@pytest.mark.parametrize(
    "text", ["a-" * 20_000, "a." * 20_000, "https://" * 5_000, "a.com/" + "(" * 20_000, "a_" * 20_000]
)
def test_hostile_text_is_weighed_quickly(text: str) -> None:
    assert weighted(text) > 0


@pytest.mark.parametrize(
    ("text", "septets"),
    [
        ("a" * 160, 160),
        ("Ola! Agende ja: R$ 50, @bela & cia (11) 3456-7890", 49),
        ("à è é ù ì ò Ç Ñ ñ Ü ü Ä ä Ö ö Å å Ø ø Æ æ ß É ¡ ¿ § £ ¥ ¤", 57),
        ("Δ_ΦΓΛΩΠΨΣΘΞ\n\r", 13),
        ("€", 2),
        ("^{}\\[~]|\f", 18),
        ("[50%] por € 10", 17),
    ],
)
def test_sms_counts_septets(text: str, septets: int) -> None:
    assert is_gsm7(text)
    assert gsm7(text) == septets


@pytest.mark.parametrize("letter", "ãáâíóôõúçêÃÁÂÍÓÔÕÚÊÀ“”’–—…`•🙂\t\u0301\xa0\x1b")
def test_portuguese_accents_are_outside_the_sms_alphabet(letter: str) -> None:
    assert not is_gsm7(f"a{letter}b")
    assert characters_outside_gsm7(f"a{letter}b{letter}") == letter


def test_emoji_take_two_or_more_utf16_units() -> None:
    assert [utf16(text) for text in ("a", "ã", "a\u0303", "😀", "👨‍👩‍👧‍👦", "🇧🇷")] == [1, 1, 2, 2, 11, 4]


def test_google_ads_count_east_asian_characters_as_two() -> None:
    assert [width(text) for text in ("ação", "a\u0303", "無料", "ｶﾞ", "Ａ", "한글", "😀")] == [4, 1, 4, 2, 2, 4, 2]
