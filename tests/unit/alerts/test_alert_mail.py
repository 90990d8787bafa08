"""Test the alert e-mails: their texts in each language, their stable Message-ID, and hostile names."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from nexus_ai.alerts.mail import NAME_CHARACTERS, render
from nexus_ai.alerts.models import Alert, AlertedLimit, LimitAlert, ProviderAlert, ProviderEvent, Spending, Spent
from nexus_ai.alerts.templates import TEXTS
from nexus_ai.gateway.retry_policy import RETRY_POLICY
from tests.mail_examples import CIRCUIT, DOLLARS, KEY, NOW_S, REQUESTS, SPENDING, TOKENS

HOSTILE = "<script>alert(1)</script>\r\nBcc: everybody@else.example\n\x00\u202e" + "x" * 300


def mail(alert: Alert, spending: Spending = SPENDING, **changes: Any) -> EmailMessage:
    named: dict[str, Any] = {
        "language": "pt-BR",
        "time_zone": "America/Sao_Paulo",
        "sender": "alertas@nexus.example",
        "recipients": ("ana@clinica.example", "bia@clinica.example"),
        "link": "https://crm.example/ia",
        "now_s": NOW_S,
    }
    return message_from_bytes(render(alert, spending, **named | changes), policy=policy)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found
    return str(found.get_content())


class PageReader(HTMLParser):
    """Words and tags of an HTML page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def words_shown(message: EmailMessage) -> list[str]:
    return PageReader(part(message, "html")).words


@pytest.mark.parametrize(
    ("alert", "language", "subject", "used", "resets"),
    [
        (
            REQUESTS,
            "pt-BR",
            "Nexus AI: uso atingiu 85% do limite de requisições por hora",
            "Uso: 1.700 de 2.000 requisições.",
            "O limite será renovado em 18/11/2026 às 11:00 (America/Sao_Paulo).",
        ),
        (
            REQUESTS,
            "en",
            "Nexus AI: usage reached 85% of your hourly request limit",
            "Usage: 1,700 of 2,000 requests.",
            "The limit resets on 2026-11-18 at 11:00 (America/Sao_Paulo).",
        ),
        (
            TOKENS,
            "pt-BR",
            "Nexus AI: limite de tokens por dia esgotado",
            "Uso: 50.010 de 50.000 tokens.",
            "O limite será renovado em 19/11/2026 às 00:00 (America/Sao_Paulo).",
        ),
        (
            DOLLARS,
            "en",
            "Nexus AI: usage reached 80% of your monthly cost limit",
            "Usage: US$80.41 of US$100.00.",
            "The limit resets on 2026-12-01 at 00:00 (America/Sao_Paulo).",
        ),
    ],
)
def test_both_parts_state_use_and_reset_time(
    alert: LimitAlert, language: str, subject: str, used: str, resets: str
) -> None:
    message = mail(alert, language=language)

    assert str(message["Subject"]) == subject
    for words in (part(message, "plain").splitlines(), words_shown(message)):
        assert used in words
        assert resets in words
    assert f'lang="{language}"' in part(message, "html")


def test_top_spend_is_listed_with_its_cost() -> None:
    plain, words = part(mail(DOLLARS), "plain"), words_shown(mail(DOLLARS))

    assert "- openai/gpt-6.1-sol, 1.204.332, US$ 9,41" in plain
    assert "- marketing, 1.404.332, US$ 12,00" in plain
    assert words[words.index("openai/gpt-6.1-sol") :][:3] == ["openai/gpt-6.1-sol", "1.204.332", "US$ 9,41"]
    assert "Maiores custos do dia até agora" in part(mail(REQUESTS), "plain"), "roll-ups know no hours"


def test_small_cost_is_not_shown_as_zero() -> None:
    little = Spending(modules=(Spent(name="agenda", tokens=12, cost_micros=42),))

    assert "- agenda, 12, US$ 0,000042" in part(mail(DOLLARS, little), "plain")


def test_unreached_limit_is_not_rounded_up_to_reached() -> None:
    nearly = DOLLARS.model_copy(update={"used": 99_996_000, "max": 100_000_000})

    assert str(mail(nearly)["Subject"]) == "Nexus AI: uso atingiu 99% do limite de custo por mês"
    assert "Uso: US$ 99,99 de US$ 100,00." in words_shown(mail(nearly))


@pytest.mark.parametrize(("used", "bar", "width"), [(850, "#" * 17 + "-" * 3, 85), (2_000, "#" * 20, 100)])
def test_bar_is_as_long_as_the_share(used: int, bar: str, width: int) -> None:
    message = mail(REQUESTS.model_copy(update={"used": used, "max": 1_000}))

    assert f"[{bar}] {used // 10}%" in part(message, "plain")
    assert f'<td width="{width}%"' in part(message, "html")


def test_ended_window_is_shown_as_reset() -> None:
    message = mail(TOKENS, now_s=TOKENS.window_end)

    assert "O limite já foi renovado em 19/11/2026 às 00:00 (America/Sao_Paulo)." in words_shown(message)
    assert not [words for words in words_shown(message) if "recusadas" in words]


def test_alert_names_key_by_last_four_and_circuit_by_model() -> None:
    key, circuit = part(mail(KEY), "plain"), part(mail(CIRCUIT, language="en"), "plain")

    assert "A chave de API de OpenAI com final 4b76 parou de funcionar" in key
    assert "Motivo: o provedor recusou a chave de API." in key
    assert "Requests to the model gemini-3.5-flash-lite (Google Gemini) are failing" in circuit
    assert "Reason: the provider is overloaded." in circuit


@pytest.mark.parametrize("language", TEXTS)
def test_every_alerted_failure_has_a_text(language: str) -> None:
    assert {kind.value for kind, rule in RETRY_POLICY.items() if rule.trips} == TEXTS[language].reasons.keys()


def test_message_id_is_stable_and_names_no_tenant() -> None:
    again = mail(REQUESTS.model_copy(update={"used": 1_900}), now_s=NOW_S + 600, language="en")
    others: list[Alert] = [
        REQUESTS.model_copy(update={"tenant_id": "other"}),
        REQUESTS.model_copy(update={"threshold": 50}),
        REQUESTS.model_copy(update={"window_end": REQUESTS.window_end + 3600}),
        KEY,
        KEY.model_copy(update={"at": KEY.at + 1}),
    ]

    assert mail(REQUESTS)["Message-ID"] == again["Message-ID"]
    assert len({str(mail(other)["Message-ID"]) for other in [REQUESTS, *others]}) == 1 + len(others)
    assert REQUESTS.tenant_id not in rendered_text(REQUESTS)


def rendered_text(alert: Alert) -> str:
    message = mail(alert)
    return "\n".join([*map(str, message.values()), part(message, "plain"), part(message, "html")])


def test_headers_mark_the_mail_as_auto_generated() -> None:
    message = mail(KEY)

    assert message["To"] == "ana@clinica.example, bia@clinica.example"
    assert message["From"] == "alertas@nexus.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@nexus.example>")
    assert int(parsedate_to_datetime(message["Date"]).timestamp()) == NOW_S
    assert [each.get_content_type() for each in message.iter_parts()] == ["text/plain", "text/html"]


def test_hostile_name_is_shortened_text() -> None:
    spending = Spending(models=(Spent(name=HOSTILE, tokens=1, cost_micros=1),))
    hostile = CIRCUIT.model_copy(update={"model": HOSTILE, "provider": HOSTILE})

    for message in (mail(DOLLARS, spending), mail(hostile)):
        page = PageReader(part(message, "html"))
        assert "script" not in page.tags
        assert any("<script>alert(1)</script> Bcc: everybody@else.example" in words for words in page.words)
        assert "Bcc" not in message
        assert "\u202e" not in part(message, "plain")
        assert "x" * NAME_CHARACTERS not in part(message, "plain")


def test_mail_without_a_dashboard_has_no_link() -> None:
    message = mail(REQUESTS, link=None)

    assert "a" not in PageReader(part(message, "html")).tags
    assert "Abrir" not in part(message, "plain")


def test_examples_cover_every_kind_of_alert() -> None:
    assert {alert.limit for alert in (REQUESTS, TOKENS, DOLLARS)} == set(AlertedLimit)
    assert {KEY.event, CIRCUIT.event} == set(ProviderEvent)
    assert isinstance(KEY, ProviderAlert)
