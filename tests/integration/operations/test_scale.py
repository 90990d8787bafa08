"""What a company has behind it costs nobody who looks at one page, and what it has in flight stays in bounds."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from bench.capacity import size_of
from bench.maintain import cross
from bench.scale import history, reservation_request, write
from local.stack import LocalStack
from nexus_ai.alerts.dispatcher import Outcome
from nexus_ai.aws import clients
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.limits.models import LimitSettings
from nexus_ai.limits.store import LimitStore
from nexus_ai.platform.clock import SystemClock
from tests.integration.support.alert_runs import alert_dispatcher, always, save_alert_settings
from tests.integration.support.http_client import ask as get

AUDIT = "/api/marketing/ai/audit-logs?limit=2"
USAGE = "/api/marketing/ai/usage-stats"


@contextmanager
def looked_at() -> Generator[list[int]]:
    """How many items each query has read, in the order of the queries."""
    service = clients.dynamodb()
    call = service.call
    read: list[int] = []

    def told(operation: str, members: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        answer = call(operation, members, repeatable=repeatable)
        if operation == "Query":
            read.append(answer["ScannedCount"])
        return answer

    with patch.object(service, "call", told):
        yield read


@pytest.fixture(scope="module")
def companies(local_stack: LocalStack) -> tuple[str, str]:
    """One with eighty calls behind it, and one with four hundred."""
    few, many = f"few-{SystemClock().now_ms()}", f"many-{SystemClock().now_ms()}"
    write(history(local_stack, few, 80))
    write(history(local_stack, many, 400))
    return few, many


@pytest.mark.parametrize(
    "path", [AUDIT, f"{AUDIT}&userId=user-3", USAGE], ids=["a page", "a page of one user", "statistics"]
)
def test_a_look_reads_as_much_whatever_is_behind(stack: LocalStack, companies: tuple[str, str], path: str) -> None:
    found: list[list[int]] = []
    for tenant in companies:
        token = stack.token(tenant, roles=["admin"])
        get(stack.url, "GET", path, token=token)
        with looked_at() as read:
            assert get(stack.url, "GET", path, token=token).status == 200
        found.append(read)

    few, many = found
    assert few == many
    assert sum(many) <= (4 if "audit" in path else 100)


def test_an_alert_reads_as_much_whatever_is_behind(companies: tuple[str, str]) -> None:
    found: list[list[int]] = []
    for tenant in companies:
        save_alert_settings(tenant)
        alert_dispatcher(SystemClock()).dispatch_due(always)
        cross(tenant)
        with looked_at() as read:
            assert alert_dispatcher(SystemClock()).dispatch_due(always).outcomes[Outcome.SENT] == 1
        found.append(sorted(read))

    few, many = found
    assert few == many
    # The alert, the company's settings, and the roll-ups of a day for three models and two buckets of latency.
    assert sum(many) <= 20


def test_forty_calls_in_flight_are_an_item_of_five_kilobytes_at_most(stack: LocalStack, tenant: str) -> None:
    """Each write of it costs a unit for every kilobyte, and a key takes a thousand units a second."""
    store = LimitStore(tables.rate_limits(), 100)
    free = LimitSettings(
        requests_per_hour=None, tokens_per_day=None, cost_per_month_micros=None, time_zone="America/Sao_Paulo"
    )
    now_s = SystemClock().now_ms() // 1000
    for number in range(40):
        store.reserve(tenant, reservation_request(number), free, now_s)
    key = {name: {"S": value} for name, value in keys.limits(tenant).items()}
    item = clients.dynamodb().call("GetItem", {"TableName": tables.rate_limits().name, "Key": key})["Item"]
    assert len(item["inFlight"]["M"]) == 40
    assert size_of(item) <= 5 * 1024
