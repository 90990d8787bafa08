"""Measure reads for tenants with up to 1,000,000 past calls, among up to 1,000 tenants, and a burst of calls.

    PYTHONPATH=layers/common python -m bench.scale [calls ...]

Runs on DynamoDB Local, which counts the same capacity units as DynamoDB. A past call consists of an audit record and
its share of a roll-up. Those of one real call are copied over 90 days, three models and 20 users. Prints the tables of
docs/benchmarks.md.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, count
from typing import Any

from bench.call import MODEL, request
from bench.capacity import counted
from bench.maintain import cross
from functions.list_audit_logs.app import handler as list_audit_logs
from functions.usage_stats.app import handler as usage_stats
from local.providers.server import SimulatedProviders
from local.stack import LocalStack
from local.template import ROOT
from nexus_ai.alerts.dispatcher import Outcome
from nexus_ai.aws import clients
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.table import BATCH, Item, marshal
from nexus_ai.limits.models import Amounts, LimitSettings, ReservationRequest, Settlement
from nexus_ai.limits.store import LimitStore, RefusedError
from nexus_ai.platform.clock import SystemClock, uuid7
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import ProviderName
from tests.dynamodb_local import dynamodb_local
from tests.integration.support.alert_runs import alert_dispatcher, always, save_alert_settings
from tests.unit.http.http_events import Context

DAYS, MODELS, USERS = 90, 3, 20
DAY_MS = 86_400_000
WRITERS = 4
TENANTS = [1, 10, 100, 1_000]
ZONE = "America/Sao_Paulo"
# A burst: calls per second, its duration, the hourly limit, the provider's time, concurrent callers and most in flight.
RATE, BURST_S, ALLOWED, PROVIDER_S, CALLERS, MAX_IN_FLIGHT = 200, 15, 2_000, 0.2, 100, 100
CAPACITY_OF_A_KEY = 1_000


@dataclass(frozen=True)
class Read:
    name: str
    handler: Callable[[dict[str, Any], Any], dict[str, Any]]
    event: str
    query: dict[str, str]


READS = (
    Read("usage of a month", usage_stats, "usage_stats", {"period": "month"}),
    Read("first page of 50 records", list_audit_logs, "list_audit_logs", {"limit": "50"}),
    Read("50 records of one user", list_audit_logs, "list_audit_logs", {"limit": "50", "userId": "user-7"}),
    Read("50 failed records, without a match", list_audit_logs, "list_audit_logs", {"status": "failed"}),
)


def main(sizes: list[int]) -> None:
    with dynamodb_local() as url, SimulatedProviders() as providers:
        stack = LocalStack(0, {"AWS_ENDPOINT_URL": url, "OPENAI_BASE_URL": providers.base_urls()[ProviderName.OPENAI]})
        stack.start()
        try:
            print("| stored | read | read units | calls of the store | ms |\n|---|---|---|---|---|")
            measure_history(stack, sizes)
            measure_tenants(stack, TENANTS)
            print()
            measure_in_flight()
            print()
            measure_burst()
        finally:
            stack.stop()


def measure_history(stack: LocalStack, sizes: list[int]) -> None:
    for size in sizes:
        tenant = f"history-{size}"
        write(history(stack, tenant, size))
        measure_reads(f"{size:,} calls", tenant)


def measure_tenants(stack: LocalStack, sizes: list[int]) -> None:
    """Measure the reads of one tenant among many with 1,000 calls each."""
    existing = 0
    for size in sizes:
        write(
            item
            for number in range(existing, size)
            for item in history(stack, f"among-{number}", 1_000, real=not number)
        )
        existing = size
        measure_reads(f"{size:,} tenants of 1,000 calls", "among-0")


_first: dict[str, list[tuple[str, Item]]] = {}


def history(stack: LocalStack, tenant: str, calls: int, *, real: bool = True) -> Iterator[tuple[str, Item]]:
    """Yield the audit records and roll-ups of a tenant, each with the name of its table.

    With `real`, a real call is made first, whose items are then copied.
    """
    settings = get_settings()
    if real:
        stack.tenants.welcome(tenant)
        if request(tenant, "Convite")() != 200:
            raise SystemExit("the handler did not return 200")
        record = next(tables.audit_logs().query("PK = :tenant", {":tenant": tenant}))
        usage = next(tables.usage().query("PK = :tenant", {":tenant": tenant}))
        _first["made"] = [(settings.audit_logs_table, record), (settings.usage_table, usage)]
    (_, record), (_, usage) = _first["made"]
    now_ms = SystemClock().now_ms()
    for number in range(calls):
        at_ms = now_ms - (number + 1) * DAYS * DAY_MS // (calls + 1)
        user = f"user-{number % USERS}"
        yield (
            settings.audit_logs_table,
            record
            | {"PK": tenant, "SK": uuid7(at_ms), "at_ms": at_ms, "user_id": user}
            | {"byUser": keys.audit_owner(tenant, user)},
        )
    for day in range(DAYS):
        name = (datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=day)).date().isoformat()
        for model in range(min(MODELS, calls)):
            key = keys.usage(tenant, name, "openai", f"{MODEL}-{model}", "marketing")
            yield settings.usage_table, usage | dict(key)


def write(items: Iterator[tuple[str, Item]]) -> None:
    def put(some: tuple[tuple[str, Item], ...]) -> None:
        pending: dict[str, Any] = {}
        for table, item in some:
            pending.setdefault(table, []).append({"PutRequest": {"Item": marshal(item)}})
        while pending:
            pending = clients.dynamodb().call("BatchWriteItem", {"RequestItems": pending}).get("UnprocessedItems", {})

    with ThreadPoolExecutor(WRITERS) as writers:
        # Limit the items in memory: the executor would otherwise hold a million of them.
        for some in batched(batched(items, BATCH, strict=False), 1_000, strict=False):
            list(writers.map(put, some))


_hours = count()


def measure_reads(stored: str, tenant: str) -> None:
    for read in READS:
        event = json.loads((ROOT / "events" / f"{read.event}.json").read_text())
        event["queryStringParameters"] = read.query
        event["multiValueQueryStringParameters"] = {name: [value] for name, value in read.query.items()}
        event["requestContext"]["authorizer"] |= {"tenantId": tenant, "roles": "admin"}
        event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
        read.handler(event, Context())
        event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
        with row(stored, read.name):
            response = read.handler(event, Context())
        if response["statusCode"] != 200:
            raise SystemExit(f"{read.name}: {response}")
    save_alert_settings(tenant)
    # Each alert belongs to another hour, because an alert is sent only once per window.
    cross(tenant, hours_ago=24 + next(_hours))
    with row(stored, "alerts: one found and mailed"):
        outcomes = alert_dispatcher(SystemClock()).dispatch_due(always).outcomes
    if outcomes != {Outcome.SENT: 1}:
        raise SystemExit(f"alerts: {outcomes}")


@contextmanager
def row(stored: str, read: str) -> Generator[None]:
    """Measure the block and print a row of the table."""
    with counted() as capacity:
        started = time.perf_counter()
        yield
        elapsed_ms = (time.perf_counter() - started) * 1000
    print(f"| {stored} | {read} | {capacity.read:.1f} | {capacity.calls.total()} | {elapsed_ms:.0f} |", flush=True)


def reservation_request(number: int) -> ReservationRequest:
    now_ms = SystemClock().now_ms()
    return ReservationRequest(
        id=f"{uuid7(now_ms)}.{number}",
        amounts=Amounts(1, 1_000, 500),
        deadline_ms=now_ms + 29_000,
        provider="openai",
        model=MODEL,
    )


DEFAULTS = LimitSettings(requests_per_hour=ALLOWED, tokens_per_day=None, cost_per_month_micros=None, time_zone=ZONE)


def measure_in_flight() -> None:
    """Measure the write units of the limits item by calls in flight. A key allows 1,000 units a second."""
    store = LimitStore(tables.rate_limits(), 300)
    now_s = SystemClock().now_ms() // 1000
    print("| in flight | units to reserve and settle | calls a second that one tenant can make |\n|---|---|---|")
    reserved = 0
    for in_flight in (1, 10, 25, 50, 100, 300):
        while reserved < in_flight - 1:
            store.reserve("in-flight", reservation_request(reserved), DEFAULTS, now_s)
            reserved += 1
        with counted() as capacity:
            reservation = store.reserve("in-flight", reservation_request(reserved), DEFAULTS, now_s)
            store.settle("in-flight", Settlement(reservation=reservation, used=reservation.amounts))
        # The sweep's index is written only with the first reservation in five minutes, so it does not count here.
        print(f"| {in_flight} | {capacity.write:.0f} | {CAPACITY_OF_A_KEY / capacity.write:.0f} |", flush=True)


def measure_burst() -> None:
    """Measure 200 calls a second of one tenant with a limit of 2,000 calls per hour."""
    store = LimitStore(tables.rate_limits(), MAX_IN_FLIGHT)
    results: Counter[str] = Counter()
    started = time.perf_counter()

    def call(number: int) -> str:
        time.sleep(max(0, started + number / RATE - time.perf_counter()))
        try:
            request = reservation_request(number)
            reservation = store.reserve("burst", request, DEFAULTS, SystemClock().now_ms() // 1000)
        except RefusedError as refused:
            return "refused by the limit" if refused.state.remaining[0] < 1 else "refused: too many in flight"
        time.sleep(PROVIDER_S)
        store.settle("burst", Settlement(reservation=reservation, used=reservation.amounts))
        return "completed"

    with counted() as capacity, ThreadPoolExecutor(CALLERS) as callers:
        results.update(callers.map(call, range(RATE * BURST_S)))
    took_s = time.perf_counter() - started
    state = store.load("burst")
    if state is None:
        raise SystemExit("the limits item does not exist")
    print(f"{RATE * BURST_S} calls in {took_s:.1f} s ({RATE * BURST_S / took_s:.0f} a second): {dict(results)}")
    print(f"left of {ALLOWED}: {state.remaining[0]}; held: {state.held[0]}; in flight: {len(state.in_flight)}")
    print(f"calls of the store: {dict(capacity.calls)}")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 100_000, 1_000_000])
