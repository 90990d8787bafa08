"""Test GET rate-limits through the local API: the limits, and what is used of each in its current window."""

from datetime import datetime

import pytest

from local.stack import LocalStack
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.gateway.composition import gateway
from nexus_ai.platform.clock import SystemClock
from nexus_ai.settings.models import StoppedEmail, StopReason
from nexus_ai.settings.store import SettingsStore
from tests.integration.support.alert_runs import address, alert_dispatcher, alert_items, always, save_alert_settings
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.limit_calls import caller_of, reservation_request
from tests.integration.support.pipeline import copy, mid_hour_time_zone, set_limits

RATE_LIMITS = "/api/marketing/ai/rate-limits"


def get(stack: LocalStack, tenant: str, role: str = "user") -> Reply:
    return ask(stack.url, "GET", RATE_LIMITS, token=stack.token(tenant, roles=[role]))


def test_new_tenant_has_default_limits_and_used_nothing(stack: LocalStack, tenant: str) -> None:
    reply = get(stack, tenant)

    assert reply.status == 200, reply.body
    windows = reply.body.pop("windows")
    assert reply.body == {
        "requestsPerHour": 100,
        "tokensPerDay": 50_000,
        "costPerMonthUsd": 100,
        "timeZone": "America/Sao_Paulo",
        "alertThresholds": [80],
        "alertEmails": [],
        "stoppedEmails": [],
        "alerts": [],
        "ceilings": {"requestsPerHour": None, "tokensPerDay": None, "costPerMonthUsd": None},
    }
    assert [window["limit"] for window in windows] == ["requestsPerHour", "tokensPerDay", "costPerMonthUsd"]
    for window, most in zip(windows, (100, 50_000, 100), strict=True):
        assert (window["max"], window["used"], window["reserved"], window["left"]) == (most, 0, 0, most)
        assert window["percent"] == 0
        assert datetime.fromisoformat(window["resetsAt"]).timestamp() * 1000 > SystemClock().now_ms()
    assert tables.rate_limits().get(keys.limits(tenant), consistent=True) is None, "a read writes nothing"


def test_use_of_a_call_is_shown(stack: LocalStack, tenant: str) -> None:
    usage = copy(stack, tenant).body["usage"]

    requests, tokens, cost = get(stack, tenant).body["windows"]

    assert (requests["used"], requests["left"], requests["percent"]) == (1, 99, 1.0)
    assert (tokens["used"], tokens["left"]) == (usage["totalTokens"], 50_000 - usage["totalTokens"])
    assert cost["used"] == usage["costUsd"]
    assert [window["reserved"] for window in (requests, tokens, cost)] == [0, 0, 0]


def test_reservations_in_flight_are_shown_as_reserved(stack: LocalStack, tenant: str) -> None:
    gateway().limits.reserve(caller_of(tenant), reservation_request(tokens=5_000, cost_micros=250_000))

    windows = get(stack, tenant).body["windows"]

    assert [(window["used"], window["reserved"]) for window in windows] == [(0, 1), (0, 5_000), (0, 0.25)]
    assert [window["left"] for window in windows] == [99, 45_000, 99.75]


def test_missing_limit_is_null_and_its_use_is_shown(stack: LocalStack, tenant: str) -> None:
    set_limits(tenant)
    copy(stack, tenant)

    body = get(stack, tenant).body

    assert (body["requestsPerHour"], body["tokensPerDay"], body["costPerMonthUsd"]) == (None, None, None)
    for window in body["windows"]:
        assert (window["max"], window["left"], window["percent"]) == (None, None, None)
        assert window["used"] > 0


def test_limit_of_zero_is_used_up(stack: LocalStack, tenant: str) -> None:
    set_limits(tenant, requests=0)

    window = get(stack, tenant).body["windows"][0]

    assert (window["max"], window["left"], window["percent"]) == (0, 0, 100)


def test_use_of_another_tenant_is_not_shown(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant)

    assert [window["used"] for window in get(stack, f"{tenant}-other").body["windows"]] == [0, 0, 0]


def alerts(stack: LocalStack, tenant: str) -> list[tuple[str, int, str]]:
    shown = get(stack, tenant).body["alerts"]
    assert all((alert["at"] is None) == (alert["status"] == "due") for alert in shown)
    return [(alert["limit"], alert["threshold"], alert["status"]) for alert in shown]


@pytest.mark.parametrize("end", ["sent", "mails_off", "no_recipient"])
def test_alert_of_a_reached_threshold_is_due_until_it_is_dispatched(stack: LocalStack, tenant: str, end: str) -> None:
    stack.token(tenant)
    set_limits(tenant, requests=2, time_zone=mid_hour_time_zone())
    save_alert_settings(tenant, 50, 60)
    assert alerts(stack, tenant) == []

    copy(stack, tenant)
    assert alerts(stack, tenant) == [("requestsPerHour", 50, "due")]
    if end == "no_recipient":
        stopped = StoppedEmail(address=address(tenant), reason=StopReason.BOUNCE, at_ms=1)
        SettingsStore(tables.settings()).stop_email(tenant, stopped)
    alert_dispatcher(SystemClock(), off=end == "mails_off").dispatch_due(always)

    assert alerts(stack, tenant) == [("requestsPerHour", 50, end)]


def test_alert_with_an_unknown_outcome_is_left_out(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_limits(tenant, requests=1, time_zone=mid_hour_time_zone())
    save_alert_settings(tenant)
    copy(stack, tenant)
    alert_dispatcher(SystemClock()).dispatch_due(always)
    (name,) = [item["SK"] for item in alert_items(tenant)]
    tables.rate_limits().update(keys.alert(tenant, name), "SET outcome = :new", {":new": "sent_by_post"})

    assert alerts(stack, tenant) == []


@pytest.mark.parametrize(("role", "status"), [("user", 200), ("admin", 200), ("owner", 403)])
def test_users_may_read_limits(role: str, status: int, stack: LocalStack, tenant: str) -> None:
    assert get(stack, tenant, role).status == status
