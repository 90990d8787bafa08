"""Test alerts of failing providers: each failure sends one alert, because fallback hides it from callers."""

import pytest

from local.providers.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.alerts.models import ProviderAlert, ProviderEvent
from nexus_ai.alerts.store import EVENT_INTERVAL_S, AlertStore
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.gateway.circuit_breaker import FAILURES_TO_OPEN
from nexus_ai.platform.clock import SystemClock
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.alert_runs import (
    alert_dispatcher,
    alert_items,
    always,
    mails,
    save_alert_settings,
    subjects,
    text_of,
)
from tests.integration.support.pipeline import copy, set_fallback
from tests.integration.support.settings_requests import CONFIGS, call

KEY = "Nexus AI: a chave de API de OpenAI parou de funcionar"
CIRCUIT = "Nexus AI: OpenAI está falhando (gpt-6-luna)"


@pytest.fixture
def alerted_tenant(stack: LocalStack, tenant: str) -> str:
    stack.token(tenant)
    set_fallback(tenant, "openai", "groq")
    save_alert_settings(tenant)
    return tenant


def calls(stack: LocalStack, tenant: str, number: int) -> None:
    for each in range(number):
        assert copy(stack, tenant, {"prompt": f"Texto {each}"}).body["provider"] in {"openai", "groq"}
    assert alert_dispatcher(SystemClock()).dispatch_due(always).finished


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FailureKind.INVALID_KEY, "o provedor recusou a chave de API"),
        (FailureKind.NO_CREDIT, "a conta no provedor está sem créditos"),
    ],
)
def test_dead_key_sends_one_alert_at_its_first_failure(
    stack: LocalStack, alerted_tenant: str, kind: FailureKind, reason: str
) -> None:
    stack.providers.always(ProviderName.OPENAI, Fail(kind))

    calls(stack, alerted_tenant, 1)
    calls(stack, alerted_tenant, FAILURES_TO_OPEN + 1)

    (mail,) = mails(stack, alerted_tenant)
    assert str(mail["Subject"]) == KEY
    assert reason in text_of(mail)


def test_open_circuit_sends_one_alert_and_a_single_failure_none(stack: LocalStack, alerted_tenant: str) -> None:
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))

    calls(stack, alerted_tenant, 1)
    assert subjects(stack, alerted_tenant) == []
    calls(stack, alerted_tenant, FAILURES_TO_OPEN + 2)
    calls(stack, alerted_tenant, 1)

    (mail,) = mails(stack, alerted_tenant)
    assert str(mail["Subject"]) == CIRCUIT
    assert "erro interno no provedor" in text_of(mail)


def test_completion_ends_the_event(stack: LocalStack, alerted_tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.INVALID_KEY))

    calls(stack, alerted_tenant, 2)

    (item,) = alert_items(alerted_tenant)
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


def test_new_event_begins_an_hour_after_the_last_one_ended(stack: LocalStack, tenant: str) -> None:
    alerts, now_s = AlertStore(tables.rate_limits()), 1_800_000_000
    name = failed(tenant, 0).name

    assert alerts.note_failure(failed(tenant, now_s))
    assert not alerts.note_failure(failed(tenant, now_s + 2 * EVENT_INTERVAL_S))
    alerts.note_recovery(tenant, name, now_s + 60)

    assert not alerts.note_failure(failed(tenant, now_s + 59 + EVENT_INTERVAL_S))
    assert alerts.note_failure(failed(tenant, now_s + 60 + EVENT_INTERVAL_S))


def let_time_pass(tenant: str, by_s: int) -> None:
    """Move stored alerts and circuits into the past, as if time had passed, and delete expired circuits."""
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
def test_failure_of_a_replaced_key_sends_a_second_alert(stack: LocalStack, alerted_tenant: str, model: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.INVALID_KEY))
    calls(stack, alerted_tenant, 1)

    saved = call(stack, alerted_tenant, "PUT", f"{CONFIGS}/openai", {"apiKey": "sk-the-next-one-9999", "model": model})
    assert saved.status == 200
    assert "overAt" in alert_items(alerted_tenant)[0]
    let_time_pass(alerted_tenant, 2 * EVENT_INTERVAL_S)
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.INVALID_KEY))
    calls(stack, alerted_tenant, 1)

    first, second = mails(stack, alerted_tenant)
    assert "9999" not in text_of(first)
    assert "9999" in text_of(second)


def test_completion_ends_the_event_after_days_without_calls(stack: LocalStack, alerted_tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.NO_CREDIT))
    calls(stack, alerted_tenant, 1)
    let_time_pass(alerted_tenant, 3 * 86_400)

    assert copy(stack, alerted_tenant, {"prompt": "Depois do fim de semana"}).body["provider"] == "openai"
    assert "overAt" in alert_items(alerted_tenant)[0]
    let_time_pass(alerted_tenant, 2 * EVENT_INTERVAL_S)
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.NO_CREDIT))
    calls(stack, alerted_tenant, 1)

    assert subjects(stack, alerted_tenant) == [KEY, KEY]
