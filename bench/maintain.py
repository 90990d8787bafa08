"""The scheduled function before many companies: time, CPU and reads, on DynamoDB Local.

    PYTHONPATH=layers/common python -m bench.maintain [companies]

Prints one line a measurement, as docs/benchmarks.md has them. The store is Amazon's own engine on the same machine, and
its CPU is not in the figures.
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


def main(companies: int) -> None:
    with dynamodb_local() as url:
        stack = LocalStack(0, {"AWS_ENDPOINT_URL": url})
        stack.start()
        try:
            idle(10 * companies)
            told()
            used(companies)
            swept()
        finally:
            stack.stop()


def idle(companies: int) -> None:
    """Companies that called long ago: an item of limits each, and nothing due."""
    now_s = SystemClock().now_ms() // 1000
    for some in batched(range(companies), BATCH, strict=False):
        put_together([(tables.rate_limits(), limits_item(f"idle-{number}", now_s)) for number in some])
    print(f"{companies} companies without anything due are there")


def used(companies: int) -> None:
    """Companies whose hour was used and has ended, so that each is looked at and reset."""
    now_s = SystemClock().now_ms() // 1000
    for some in batched(range(companies), BATCH, strict=False):
        items: list[Item] = []
        for number in some:
            name = f"used-{number}"
            hour, day, month = window_ends(now_s, ZONE)
            due = {"dueShard": keys.due_shard(name), "dueAt": now_s - 600}
            ended = {"remaining": [7, 50_000, 10**8], "ends": [hour - 3600, day, month]}
            items.append(limits_item(name, now_s) | ended | due)
        put_together([(tables.rate_limits(), item) for item in items])


def limits_item(tenant: str, now_s: int) -> Item:
    maxima = [100, 50_000, 10**8]
    return {
        **keys.limits(tenant),
        "tz": ZONE,
        "maxima": maxima,
        "remaining": maxima,
        "held": [0, 0, 0],
        "ends": list(window_ends(now_s, ZONE)),
        "inFlight": {},
    }


def told() -> None:
    """Ten alerts among them all; mails are off, so that what is measured is how they are found."""
    for number in range(ALERTS_DUE):
        cross(f"idle-{number}")
    with measured() as lines:
        outcomes = alert_dispatcher(SystemClock(), off=True).dispatch_due(always).outcomes
    print(f"alerts: {dict(outcomes)}; {lines[0]}")


def cross(tenant: str, *, hours_ago: int = 24) -> None:
    """The company has used 85 of the 100 requests of an hour: an alert is due, if it was not told yet."""
    now_s = SystemClock().now_ms() // 1000
    ended = window_ends(now_s, ZONE)[0] - hours_ago * HOUR_S
    crossing = Crossing(
        limit=AlertedLimit.REQUESTS_PER_HOUR, threshold=80, window_end=ended, used=85, max=100, settled_by=0
    )
    AlertStore(tables.rate_limits()).note_crossing(tenant, crossing, now_s)


def swept() -> None:
    table = tables.rate_limits()
    sweep = AbandonedRequestSweeper(
        SystemClock(), LimitStore(table, 100), SweepQueue(table), audit_store(), usage_store()
    )
    with measured() as lines:
        done = sweep.sweep_due(lambda: True)
    print(f"sweep: {done.tenants} companies, finished: {done.finished}; {lines[0]}")


@contextmanager
def measured() -> Generator[list[str]]:
    """What it took, as the one line that is in the list in the end."""
    lines: list[str] = []
    with counted() as capacity:
        began, cpu = time.perf_counter(), time.process_time()
        yield lines
        took, used = time.perf_counter() - began, time.process_time() - cpu
    spent = f"{capacity.read} read and {capacity.write} write units, as calls {dict(capacity.calls)}"
    lines.append(f"{took:.1f} s, {used:.1f} s of CPU without the store's; {spent}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
