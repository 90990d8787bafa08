"""A provider that stops working is told of once, since fallback hides it from those who call."""

import pytest

from local.simulated.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.alerts.models import ProviderAlert, ProviderEvent
from nexus_ai.alerts.store import EVENT_APART_S, AlertStore
from nexus_ai.core.clock import SystemClock
from nexus_ai.gateway.circuits import FAILURES_TO_OPEN
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.storage import tables
from tests.functional.alerts_support import alert_items, always, listed, mails, subjects, telling, text_of
from tests.functional.pipeline_support import copy, set_fallback

KEY = "Nexus AI: a chave de OpenAI deixou de funcionar"
CIRCUIT = "Nexus AI: OpenAI está falhando (gpt-5-mini)"


@pytest.fixture
def company(stack: LocalStack, tenant: str) -> str:
    stack.token(tenant)
    set_fallback(tenant, "openai", "groq")
    listed(tenant)
    return tenant


def calls(stack: LocalStack, tenant: str, number: int) -> None:
    for each in range(number):
        assert copy(stack, tenant, {"prompt": f"Texto {each}"}).body["provider"] in {"openai", "groq"}
    assert telling(SystemClock()).all(always).finished


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FailureKind.INVALID_KEY, "o provedor não aceita mais a chave"),
        (FailureKind.NO_CREDIT, "a conta no provedor está sem crédito"),
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
    assert "erro interno do provedor" in text_of(mail)


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
    assert not alerts.note_failure(failed(tenant, now_s + 2 * EVENT_APART_S))
    alerts.note_recovery(tenant, name, now_s + 60)

    assert not alerts.note_failure(failed(tenant, now_s + 59 + EVENT_APART_S))
    assert alerts.note_failure(failed(tenant, now_s + 60 + EVENT_APART_S))
