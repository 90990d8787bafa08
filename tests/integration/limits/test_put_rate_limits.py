"""Test PUT rate-limits through the local API: it changes the named fields, and binds on the next call."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from local.stack import LocalStack
from nexus_ai.aws.dynamodb import tables
from nexus_ai.settings.models import Preferences
from nexus_ai.settings.store import SettingsStore
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import copy, limit_state, set_preferences

RATE_LIMITS = "/api/marketing/ai/rate-limits"
LIMITS: dict[str, Any] = {
    "requestsPerHour": 7,
    "tokensPerDay": 7_000,
    "costPerMonthUsd": 7.000007,
    "timeZone": "America/Manaus",
    "alertThresholds": [50, 80, 100],
    "alertEmails": ["ana@clinica.example", "financeiro+ia@clinica.example"],
}
OTHERS: dict[str, Any] = {"timeZone": "UTC", "alertThresholds": [90], "alertEmails": []}


def put(stack: LocalStack, tenant: str, body: object, role: str = "admin") -> Reply:
    return ask(stack.url, "PUT", RATE_LIMITS, token=stack.token(tenant, roles=[role]), body=body)


def settings_of(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    others = {"windows", "ceilings", "stoppedEmails", "alerts"}
    return {name: value for name, value in reply.body.items() if name not in others}


def preferences(tenant: str) -> Preferences:
    return SettingsStore(tables.settings()).load(tenant).preferences


def test_response_equals_that_of_a_get(stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, LIMITS)

    assert settings_of(reply) == LIMITS
    assert reply.body == ask(stack.url, "GET", RATE_LIMITS, token=stack.token(tenant)).body


@pytest.mark.parametrize("name", LIMITS)
def test_fields_that_are_not_named_stay(name: str, stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, LIMITS)
    changed = {name: OTHERS.get(name, 3)}

    assert settings_of(put(stack, tenant, changed)) == LIMITS | changed


def test_empty_body_changes_nothing(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, LIMITS)

    assert settings_of(put(stack, tenant, {})) == LIMITS


@pytest.mark.parametrize("name", ["requestsPerHour", "tokensPerDay", "costPerMonthUsd"])
def test_null_is_no_limit_and_0_blocks_the_next_call(name: str, stack: LocalStack, tenant: str) -> None:
    assert settings_of(put(stack, tenant, {name: 0}))[name] == 0
    rejected = copy(stack, tenant)
    assert (rejected.status, rejected.body["limit"]) == (429, name)

    assert settings_of(put(stack, tenant, {name: None}))[name] is None
    assert copy(stack, tenant).status == 200
    assert stack.providers.count() == 1


def test_thresholds_are_returned_in_order(stack: LocalStack, tenant: str) -> None:
    assert settings_of(put(stack, tenant, {"alertThresholds": [100, 50, 80]}))["alertThresholds"] == [50, 80, 100]


def test_use_is_kept_under_new_limits(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant)

    window = put(stack, tenant, {"requestsPerHour": 10}).body["windows"][0]

    assert (window["max"], window["used"], window["left"]) == (10, 1, 9)


def test_concurrent_changes_of_different_limits_are_all_kept(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, {"timeZone": "UTC"})
    changes: list[dict[str, object]] = [{name: value} for name, value in LIMITS.items()]

    with ThreadPoolExecutor(len(changes)) as threads:
        replies = list(threads.map(partial(put, stack, tenant), changes))

    assert [reply.status for reply in replies] == [200] * len(changes)
    assert settings_of(put(stack, tenant, {})) == LIMITS


def test_time_zone_changes_the_preferences_too(stack: LocalStack, tenant: str) -> None:
    set_preferences(tenant, Preferences(cache_ttl_days=3))

    put(stack, tenant, {"timeZone": "Asia/Tokyo"})

    assert preferences(tenant) == Preferences(cache_ttl_days=3, time_zone="Asia/Tokyo")


def test_limits_change_only_for_the_tenant_of_the_token(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, LIMITS)

    assert put(stack, f"{tenant}-other", LIMITS | {"tenantId": tenant}).status == 422
    put(stack, f"{tenant}-other", {"requestsPerHour": 1})

    assert settings_of(put(stack, tenant, {})) == LIMITS


def test_user_may_not_change_limits(stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, LIMITS, role="user")

    assert (reply.status, reply.body["code"]) == (403, "forbidden")
    assert limit_state(tenant).settings.requests_per_hour == 100


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requestsPerHour", -1),
        ("requestsPerHour", 1.5),
        ("requestsPerHour", "7"),
        ("requestsPerHour", True),
        ("requestsPerHour", 10**9),
        ("tokensPerDay", 10**12),
        ("costPerMonthUsd", -0.01),
        ("costPerMonthUsd", "7"),
        ("costPerMonthUsd", 0.0000001),
        ("costPerMonthUsd", 1e9),
        ("costPerMonthUsd", [7]),
        ("timeZone", None),
        ("timeZone", ""),
        ("timeZone", "America"),
        ("timeZone", "Brasilia"),
        ("timeZone", "../../etc/passwd"),
        ("timeZone", "america/sao_paulo"),
        ("timeZone", -3),
        ("requests_per_hour", 7),
        ("alertThresholds", [0]),
        ("alertThresholds", [101]),
        ("alertThresholds", [80.5]),
        ("alertThresholds", [80, 80]),
        ("alertThresholds", list(range(1, 12))),
        ("alertThresholds", None),
        ("alertEmails", ["ana"]),
        ("alertEmails", ["ana@localhost"]),
        ("alertEmails", ["ana@clinica.example\r\nBcc: x@y.example"]),
        ("alertEmails", ["ana@clinica.example\n"]),
        ("alertEmails", ["Ana <ana@clinica.example>"]),
        ("alertEmails", ["a..b@clinica.example"]),
        ("alertEmails", ["ação@clinica.example"]),
        ("alertEmails", ["ana@clinica.example", "ANA@clinica.example"]),
        ("alertEmails", [f"ana{number}@clinica.example" for number in range(11)]),
        ("alertEmails", ["a" * 243 + "@clinica.example"]),
        ("alertEmails", ["a" * 40 + "." + "b" * 40 + "@clinica.example"]),
        ("maxRequestsPerHour", 7),
    ],
)
def test_invalid_field_is_422_and_nothing_changes(name: str, value: object, stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, LIMITS | {name: value})

    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert reply.body["errors"][0]["field"].partition(".")[0] == name
    assert limit_state(tenant).settings.requests_per_hour == 100
    assert preferences(tenant) == Preferences()
