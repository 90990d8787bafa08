"""A provider that stops working is told of once, since fallback hides it from those who call."""

import pytest

from local.providers.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.alerts.models import ProviderAlert, ProviderEvent
from nexus_ai.alerts.store import EVENT_INTERVAL_S, AlertStore
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.gateway.circuit_breaker import FAILURES_TO_OPEN
from nexus_ai.platform.clock import SystemClock
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.alert_runs import alert_items, always, listed, mails, subjects, telling, text_of
from tests.integration.support.pipeline import copy, set_fallback
from tests.integration.support.settings_requests import CONFIGS, call

KEY = "Nexus AI: a chave de API de OpenAI parou de funcionar"
CIRCUIT = "Nexus AI: OpenAI está falhando (gpt-6-luna)"


@pytest.fixture
def company(stack: LocalStack, tenant: str) -> str:
    stack.token(tenant)
    set_fallback(tenant, "openai", "groq")
    listed(tenant)
    return tenant


def calls(stack: LocalStack, tenant: str, number: int) -> None:
    for each in range(number):
        assert copy(stack, tenant, {"prompt": f"Texto {each}"}).body["provider"] in {"openai", "groq"}
    assert telling(SystemClock()).dispatch_due(always).finished


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FailureKind.INVALID_KEY, "o provedor recusou a chave de API"),
        (FailureKind.NO_CREDIT, "a conta no provedor está sem créditos"),
    ],
)
def test_a_dead_key_is_told_with_its_first_failure_and_never_again(
    stack: LocalStack, company: str, kind: FailureKind, reason: str
) -> None:
    stack.providers.always(ProviderName.OPENAI, Fail(kind))

    calls(stack, company, 1)
    calls(stack, company, FAILURES_TO_OPEN + 1)

    (mail,) = mails(stack, company)
    assert str(mail["Subject"]) == KEY
    assert reason in text_of(mail)


def test_a_circuit_that_opens_is_told_once_and_one_failure_is_not(stack: LocalStack, company: str) -> None:
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))

    calls(stack, company, 1)
    assert subjects(stack, company) == []
    calls(stack, company, FAILURES_TO_OPEN + 2)
    calls(stack, company, 1)

    (mail,) = mails(stack, company)
    assert str(mail["Subject"]) == CIRCUIT
    assert "erro interno no provedor" in text_of(mail)


def test_an_answer_ends_the_event(stack: LocalStack, company: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.INVALID_KEY))

    calls(stack, company, 2)

    (item,) = alert_items(company)
    assert item["outcome"] == "sent"
    assert item["overAt"] >= item["content"]["at"]


def failed(tenant: str, at: int) -> ProviderAlert:
    return ProviderAlert(
        tenant_id=tenant,
        event=ProviderEvent.KEY_FAILED,
        provider="openai",
        model=None,
        key_last_four="1234",
        reason="invalid_key",
        at=at,
    )


def test_a_new_event_is_one_that_begins_an_hour_after_the_last_ended(stack: LocalStack, tenant: str) -> None:
    alerts, now_s = AlertStore(tables.rate_limits()), 1_800_000_000
    name = failed(tenant, 0).name

    assert alerts.note_failure(failed(tenant, now_s))
    assert not alerts.note_failure(failed(tenant, now_s + 2 * EVENT_INTERVAL_S))
    alerts.note_recovery(tenant, name, now_s + 60)

    assert not alerts.note_failure(failed(tenant, now_s + 59 + EVENT_INTERVAL_S))
    assert alerts.note_failure(failed(tenant, now_s + 60 + EVENT_INTERVAL_S))


def moved_back(tenant: str, by_s: int) -> None:
    """As it reads so much later: what was told happened before that, and what has expired since is gone."""
    for item in alert_items(tenant):
        table = tables.rate_limits()
        earlier = {name: item[name] - by_s for name in ("overAt", "expiresAt") if name in item}
        sets = ", ".join(f"{name} = :{name}" for name in earlier)
        table.update(keys.alert(tenant, item["SK"]), f"SET {sets}", {f":{name}": at for name, at in earlier.items()})
    settings, now_s = tables.settings(), SystemClock().now_ms() // 1000
    values = {":tenant": keys.settings_partition(tenant), ":circuits": "circuit#"}
    for item in settings.query("PK = :tenant AND begins_with(SK, :circuits)", values, consistent=True):
        if item["expiresAt"] - by_s <= now_s:
            settings.delete({"PK": item["PK"], "SK": item["SK"]})


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-6.1-sol"])
def test_a_key_that_takes_the_place_of_a_dead_one_is_told_of_when_it_dies(
    stack: LocalStack, company: str, model: str
) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.INVALID_KEY))
    calls(stack, company, 1)

    saved = call(stack, company, "PUT", f"{CONFIGS}/openai", {"apiKey": "sk-the-next-one-9999", "model": model})
    assert saved.status == 200
    assert "overAt" in alert_items(company)[0]
    moved_back(company, 2 * EVENT_INTERVAL_S)
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.INVALID_KEY))
    calls(stack, company, 1)

    first, second = mails(stack, company)
    assert "9999" not in text_of(first)
    assert "9999" in text_of(second)


def test_an_event_ends_with_an_answer_however_long_nobody_called(stack: LocalStack, company: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.NO_CREDIT))
    calls(stack, company, 1)
    moved_back(company, 3 * 86_400)

    assert copy(stack, company, {"prompt": "Depois do fim de semana"}).body["provider"] == "openai"
    assert "overAt" in alert_items(company)[0]
    moved_back(company, 2 * EVENT_INTERVAL_S)
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.NO_CREDIT))
    calls(stack, company, 1)

    assert subjects(stack, company) == [KEY, KEY]
