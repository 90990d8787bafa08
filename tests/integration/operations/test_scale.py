"""Test that a page costs the same however much history a tenant has, and that calls in flight stay small."""

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
def items_read() -> Generator[list[int]]:
    """Collect the number of items that each query reads, in order."""
    service = clients.dynamodb()
    call = service.call
    read: list[int] = []

    def count_items(operation: str, members: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        response = call(operation, members, repeatable=repeatable)
        if operation == "Query":
            read.append(response["ScannedCount"])
        return response

    with patch.object(service, "call", count_items):
        yield read


@pytest.fixture(scope="module")
def tenants(local_stack: LocalStack) -> tuple[str, str]:
    """Create a tenant with 80 calls of history and one with 400."""
    few, many = f"few-{SystemClock().now_ms()}", f"many-{SystemClock().now_ms()}"
    write(history(local_stack, few, 80))
    write(history(local_stack, many, 400))
    return few, many


@pytest.mark.parametrize(
    "path", [AUDIT, f"{AUDIT}&userId=user-3", USAGE], ids=["a page", "a page of one user", "usage"]
)
def test_page_reads_no_more_items_with_more_history(stack: LocalStack, tenants: tuple[str, str], path: str) -> None:
    reads: list[list[int]] = []
    for tenant in tenants:
        token = stack.token(tenant, roles=["admin"])
        get(stack.url, "GET", path, token=token)
        with items_read() as read:
            assert get(stack.url, "GET", path, token=token).status == 200
        reads.append(read)

    few, many = reads
    assert sum(many) <= sum(few)
    assert sum(many) <= (4 if "audit" in path else 100)


def test_alert_reads_no_more_items_with_more_history(tenants: tuple[str, str]) -> None:
    reads: list[list[int]] = []
    for tenant in tenants:
        save_alert_settings(tenant)
        alert_dispatcher(SystemClock()).dispatch_due(always)
        cross(tenant)
        with items_read() as read:
            assert alert_dispatcher(SystemClock()).dispatch_due(always).outcomes[Outcome.SENT] == 1
        reads.append(sorted(read))

    few, many = reads
    assert sum(many) <= sum(few)
    # The alert, the tenant's settings, and a day's roll-ups of three models and two latency buckets.
    assert sum(many) <= 20


def test_forty_calls_in_flight_are_an_item_of_5_kb_at_most(stack: LocalStack, tenant: str) -> None:
    """Each write of the item costs a unit per kilobyte, and a key allows a thousand units a second."""
    store = LimitStore(tables.rate_limits(), 100)
    no_limits = LimitSettings(
        requests_per_hour=None, tokens_per_day=None, cost_per_month_micros=None, time_zone="America/Sao_Paulo"
    )
    now_s = SystemClock().now_ms() // 1000
    for number in range(40):
        store.reserve(tenant, reservation_request(number), no_limits, now_s)
    key = {name: {"S": value} for name, value in keys.limits(tenant).items()}
    item = clients.dynamodb().call("GetItem", {"TableName": tables.rate_limits().name, "Key": key})["Item"]
    assert len(item["inFlight"]["M"]) == 40
    assert size_of(item) <= 5 * 1024
