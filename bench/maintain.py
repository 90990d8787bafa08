"""Measure time, CPU and reads of the scheduled function for many tenants, on DynamoDB Local.

    PYTHONPATH=layers/common python -m bench.maintain [tenants]

Prints one line per measurement, as in docs/benchmarks.md. DynamoDB Local runs on the same machine; its CPU is not
included.
"""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import batched

from bench.capacity import counted
from local.stack import LocalStack
from nexus_ai.alerts.models import AlertedLimit
from nexus_ai.alerts.store import AlertStore, Crossing
from nexus_ai.audit.store import audit_store
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.table import BATCH, Item, put_together
from nexus_ai.limits.store import LimitStore
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.limits.windows import window_ends
from nexus_ai.platform.clock import SystemClock
from nexus_ai.sweeper import AbandonedRequestSweeper
from nexus_ai.usage.store import usage_store
from tests.dynamodb_local import dynamodb_local
from tests.integration.support.alert_runs import alert_dispatcher, always

ZONE = "America/Sao_Paulo"
ALERTS_DUE = 10
HOUR_S = 3_600


def main(tenants: int) -> None:
    with dynamodb_local() as url:
        stack = LocalStack(0, {"AWS_ENDPOINT_URL": url})
        stack.start()
        try:
            add_idle(10 * tenants)
            dispatch_alerts()
            add_used(tenants)
            sweep()
        finally:
            stack.stop()


def add_idle(tenants: int) -> None:
    """Add tenants without recent requests: one limits item each, and nothing due."""
    now_s = SystemClock().now_ms() // 1000
    for batch in batched(range(tenants), BATCH, strict=False):
        put_together([(tables.rate_limits(), limits_item(f"idle-{number}", now_s)) for number in batch])
    print(f"{tenants} tenants without anything due")


def add_used(tenants: int) -> None:
    """Add tenants with requests in an hour that has ended, so that the sweep checks and resets each."""
    now_s = SystemClock().now_ms() // 1000
    for batch in batched(range(tenants), BATCH, strict=False):
        items: list[Item] = []
        for number in batch:
            name = f"used-{number}"
            hour, day, month = window_ends(now_s, ZONE)
            due = {"dueShard": keys.due_shard(name), "dueAt": now_s - 600}
            ended = {"remaining": [7, 50_000, 10**8], "ends": [hour - 3600, day, month]}
            items.append(limits_item(name, now_s) | ended | due)
        put_together([(tables.rate_limits(), item) for item in items])


def limits_item(tenant: str, now_s: int) -> Item:
    limits = [100, 50_000, 10**8]
    return {
        **keys.limits(tenant),
        "tz": ZONE,
        "maxima": limits,
        "remaining": limits,
        "held": [0, 0, 0],
        "ends": list(window_ends(now_s, ZONE)),
        "inFlight": {},
    }


def dispatch_alerts() -> None:
    """Measure how ten due alerts among all tenants are found. E-mails are off."""
    for number in range(ALERTS_DUE):
        cross(f"idle-{number}")
    with measured() as lines:
        outcomes = alert_dispatcher(SystemClock(), off=True).dispatch_due(always).outcomes
    print(f"alerts: {dict(outcomes)}; {lines[0]}")


def cross(tenant: str, *, hours_ago: int = 24) -> None:
    """Record that the tenant has used 85 of 100 requests in an hour. An alert is due unless one was sent before."""
    now_s = SystemClock().now_ms() // 1000
    ended = window_ends(now_s, ZONE)[0] - hours_ago * HOUR_S
    crossing = Crossing(
        limit=AlertedLimit.REQUESTS_PER_HOUR, threshold=80, window_end=ended, used=85, max=100, settled_by=0
    )
    AlertStore(tables.rate_limits()).note_crossing(tenant, crossing, now_s)


def sweep() -> None:
    table = tables.rate_limits()
    sweeper = AbandonedRequestSweeper(
        SystemClock(), LimitStore(table, 100), SweepQueue(table), audit_store(), usage_store()
    )
    with measured() as lines:
        done = sweeper.sweep_due(lambda: True)
    print(f"sweep: {done.tenants} tenants, finished: {done.finished}; {lines[0]}")


@contextmanager
def measured() -> Generator[list[str]]:
    """Measure the block. At its end the yielded list has one line with the result."""
    lines: list[str] = []
    with counted() as capacity:
        started, cpu = time.perf_counter(), time.process_time()
        yield lines
        elapsed_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    consumed = f"{capacity.read} read and {capacity.write} write units, as calls {dict(capacity.calls)}"
    lines.append(f"{elapsed_s:.1f} s, {cpu_s:.1f} s of CPU without the store's; {consumed}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
