"""Test that the language of a text is detected by its function words, or stays unknown."""

import pytest

from nexus_ai.tasks.shared.language import detect, is_other_language


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pt", "Olá! Sua consulta está confirmada para amanhã às 10:30 na nossa clínica. Traga os exames."),
        ("es", "Hola, su cita está confirmada para mañana a las 10:30 en nuestra clínica. Traiga los exámenes."),
        ("en", "Hi! Your appointment is confirmed for tomorrow at 10:30 at our clinic. Please bring the exams."),
        ("fr", "Bonjour, votre rendez-vous est confirmé pour demain dans notre clinique."),
        ("it", "Buongiorno, il suo appuntamento è confermato per domani nella nostra clinica."),
        ("de", "Guten Tag, Ihr Termin ist für morgen in unserer Klinik bestätigt."),
        ("en", "See you at Clínica São João da Praia with Dr. João Conceição, and bring the card that we sent to you."),
    ],
)
def test_language_of_a_sentence_is_detected(language: str, text: str) -> None:
    assert detect(text) == language
    assert is_other_language(text, "pt-BR") is (language != "pt")
    assert not is_other_language(text, f"{language}-XX")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OK",
        "Promoção",
        "20% off",
        "R$ 50 🎉 {{nome}}",
        "Dr. João, Clínica Conceição, São Paulo",
        "Olá! Sua consulta é na clínica com você. Hello! Your appointment is at the clinic.",
        "https://os.da.do.com.br/um/uma/dos/das",
    ],
)
def test_short_or_mixed_text_has_no_detected_language(text: str) -> None:
    assert detect(text) is None
    assert not is_other_language(text, "en")


def test_unknown_target_language_is_never_wrong() -> None:
    assert not is_other_language("Your appointment is confirmed for tomorrow at the clinic.", "ja")
