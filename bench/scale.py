"""What is behind a company, and what it costs to look at it: up to 1,000,000 calls, 1,000 companies; one in haste.

    PYTHONPATH=layers/common python -m bench.scale [calls ...]

On DynamoDB Local, whose units of capacity are DynamoDB's. A call that was made is a record and what it added to its
day: one real call's are written again for all the others, over 90 days, three models and 20 users. Prints the tables
of docs/benchmarks.md.
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
COMPANIES = [1, 10, 100, 1_000]
ZONE = "America/Sao_Paulo"
# A company in haste: what it asks for, and what it may.
RATE, HASTE_S, ALLOWED, PROVIDER_S, CALLERS, SEATS = 200, 15, 2_000, 0.2, 100, 100
CAPACITY_OF_A_KEY = 1_000


@dataclass(frozen=True)
class Question:
    name: str
    handler: Callable[[dict[str, Any], Any], dict[str, Any]]
    event: str
    query: dict[str, str]


QUESTIONS = (
    Question("usage of a month", usage_stats, "usage_stats", {"period": "month"}),
    Question("first page of 50 records", list_audit_logs, "list_audit_logs", {"limit": "50"}),
    Question("50 records of one user", list_audit_logs, "list_audit_logs", {"limit": "50", "userId": "user-7"}),
    Question("50 failed ones, of which there are none", list_audit_logs, "list_audit_logs", {"status": "failed"}),
)


def main(sizes: list[int]) -> None:
    with dynamodb_local() as url, SimulatedProviders() as providers:
        stack = LocalStack(0, {"AWS_ENDPOINT_URL": url, "OPENAI_BASE_URL": providers.base_urls()[ProviderName.OPENAI]})
        stack.start()
        try:
            print("| behind it | question | read units | calls of the store | ms |\n|---|---|---|---|---|")
            behind(stack, sizes)
            among(stack, COMPANIES)
            print()
            seats()
            print()
            haste()
        finally:
            stack.stop()


def behind(stack: LocalStack, sizes: list[int]) -> None:
    for size in sizes:
        tenant = f"behind-{size}"
        write(history(stack, tenant, size))
        asked(f"{size:,} calls", tenant)


def among(stack: LocalStack, sizes: list[int]) -> None:
    """Companies of 1,000 calls each; one of them is asked."""
    there = 0
    for size in sizes:
        write(
            item for number in range(there, size) for item in history(stack, f"among-{number}", 1_000, real=not number)
        )
        there = size
        asked(f"{size:,} companies of 1,000 calls", "among-0")


_first: dict[str, list[tuple[str, Item]]] = {}


def history(stack: LocalStack, tenant: str, calls: int, *, real: bool = True) -> Iterator[tuple[str, Item]]:
    """A company's records and roll-ups, each with its table's name."""
    settings = get_settings()
    if real:
        stack.tenants.welcome(tenant)
        if request(tenant, "Convite")() != 200:
            raise SystemExit("the handler did not answer")
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
        # So many at once that no million of items is in memory.
        for some in batched(batched(items, BATCH, strict=False), 1_000, strict=False):
            list(writers.map(put, some))


_asked = count()


def asked(what: str, tenant: str) -> None:
    for question in QUESTIONS:
        event = json.loads((ROOT / "events" / f"{question.event}.json").read_text())
        event["queryStringParameters"] = question.query
        event["multiValueQueryStringParameters"] = {name: [value] for name, value in question.query.items()}
        event["requestContext"]["authorizer"] |= {"tenantId": tenant, "roles": "admin"}
        event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
        question.handler(event, Context())
        event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
        with row(what, question.name):
            answer = question.handler(event, Context())
        if answer["statusCode"] != 200:
            raise SystemExit(f"{question.name}: {answer}")
    save_alert_settings(tenant)
    # Each of another hour: what was told is not told again.
    cross(tenant, hours_ago=24 + next(_asked))
    with row(what, "alerts: one found and mailed"):
        outcomes = alert_dispatcher(SystemClock()).dispatch_due(always).outcomes
    if outcomes != {Outcome.SENT: 1}:
        raise SystemExit(f"alerts: {outcomes}")


@contextmanager
def row(what: str, question: str) -> Generator[None]:
    """Prints a row of the table: what is done inside."""
    with counted() as capacity:
        began = time.perf_counter()
        yield
        took_ms = (time.perf_counter() - began) * 1000
    print(f"| {what} | {question} | {capacity.read:.1f} | {capacity.calls.total()} | {took_ms:.0f} |", flush=True)


def ask(number: int) -> ReservationRequest:
    now_ms = SystemClock().now_ms()
    return ReservationRequest(
        id=f"{uuid7(now_ms)}.{number}",
        amounts=Amounts(1, 1_000, 500),
        deadline_ms=now_ms + 29_000,
        provider="openai",
        model=MODEL,
    )


DEFAULTS = LimitSettings(requests_per_hour=ALLOWED, tokens_per_day=None, cost_per_month_micros=None, time_zone=ZONE)


def seats() -> None:
    """A write of the item of limits, by how many calls are in flight; what one key takes is 1,000 units a second."""
    store = LimitStore(tables.rate_limits(), 300)
    now_s = SystemClock().now_ms() // 1000
    print("| in flight | units to reserve and settle | calls a second that one company can make |\n|---|---|---|")
    opened = 0
    for wanted in (1, 10, 25, 50, 100, 300):
        while opened < wanted - 1:
            store.reserve("seats", ask(opened), DEFAULTS, now_s)
            opened += 1
        with counted() as capacity:
            held = store.reserve("seats", ask(opened), DEFAULTS, now_s)
            store.settle("seats", Settlement(reservation=held, used=held.amounts))
        # The mark for the sweep is an index of its own, which is written with the first reservation of five minutes.
        print(f"| {wanted} | {capacity.write:.0f} | {CAPACITY_OF_A_KEY / capacity.write:.0f} |", flush=True)


def haste() -> None:
    """200 calls a second of one company, of which it may make 2,000 in the hour."""
    store = LimitStore(tables.rate_limits(), SEATS)
    ends: Counter[str] = Counter()
    began = time.perf_counter()

    def call(number: int) -> str:
        time.sleep(max(0, began + number / RATE - time.perf_counter()))
        try:
            held = store.reserve("haste", ask(number), DEFAULTS, SystemClock().now_ms() // 1000)
        except RefusedError as refused:
            return "refused by the limit" if refused.state.remaining[0] < 1 else "refused for want of a seat"
        time.sleep(PROVIDER_S)
        store.settle("haste", Settlement(reservation=held, used=held.amounts))
        return "answered"

    with counted() as capacity, ThreadPoolExecutor(CALLERS) as callers:
        ends.update(callers.map(call, range(RATE * HASTE_S)))
    took_s = time.perf_counter() - began
    state = store.load("haste")
    if state is None:
        raise SystemExit("the item of limits is gone")
    print(f"{RATE * HASTE_S} calls in {took_s:.1f} s ({RATE * HASTE_S / took_s:.0f} a second): {dict(ends)}")
    print(f"left of {ALLOWED}: {state.remaining[0]}; held: {state.held[0]}; in flight: {len(state.in_flight)}")
    print(f"calls of the store: {dict(capacity.calls)}")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 100_000, 1_000_000])
