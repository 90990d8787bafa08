"""Compute the AWS cost of a million calls from the capacity that a miss, a hit and a rejection use on DynamoDB Local.

    PYTHONPATH=layers/common python -m bench.money [calls]

Prints the tables of docs/costs.md, which also names the sources of the prices.
"""

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO

from bench.call import MODEL, allow, request
from bench.capacity import counted
from local.providers.server import SimulatedProviders
from local.stack import LocalStack
from nexus_ai.platform.clock import SystemClock
from nexus_ai.providers.base import ProviderName
from tests.dynamodb_local import dynamodb_local
from tests.integration.support.pipeline import welcome

MILLION = 1_000_000
# US dollars in us-east-1, on demand. docs/costs.md names the pages.
READ_UNITS, WRITE_UNITS = 0.125 / MILLION, 0.625 / MILLION
API_CALL = 3.50 / MILLION
INVOCATION, GB_SECOND = 0.20 / MILLION, 0.0000133334
LOG_GB = 0.50
MEMORY_GB = 1.0
# Assumed time of a provider and of each wait for a table, because both are simulated here.
PROVIDER_S, WAIT_S = 2.0, 0.005
# START, END and REPORT of an invocation as JSON lines of the runtime.
RUNTIME_LOG_BYTES = 900
# Share of a CPU core per gigabyte of memory: a function has one whole core at 1,769 MB.
CORES = 1024 / 1769


@dataclass
class Spent:
    read: float = 0
    write: float = 0
    log_bytes: float = 0


@dataclass(frozen=True)
class Kind:
    """Kind of call. The CPU time comes from docs/benchmarks.md, the number of waits from the tests."""

    name: str
    cpu_s: float
    waits: int
    provider_s: float


KINDS = (
    Kind("miss", 0.00892, 3, PROVIDER_S),
    Kind("hit", 0.00405, 2, 0),
    Kind("rejection", 0.00343, 2, 0),
)


def main(calls: int) -> None:
    with dynamodb_local() as url, SimulatedProviders() as providers:
        stack = LocalStack(0, {"AWS_ENDPOINT_URL": url, "OPENAI_BASE_URL": providers.base_urls()[ProviderName.OPENAI]})
        stack.start()
        try:
            print("| call | read units | write units | bytes of logs |\n|---|---|---|---|")
            spent = measure(stack, calls)
        finally:
            stack.stop()
    print("\n| a million | tables | API Gateway | Lambda | logs | total |\n|---|---|---|---|---|---|")
    for kind in KINDS:
        print(cost_row(kind, spent[kind.name]))


def measure(stack: LocalStack, calls: int) -> Mapping[str, Spent]:
    tenant = f"money-{SystemClock().now_ms()}"
    welcome(stack, tenant)
    allow(tenant, None)
    request(tenant, "first")()
    kinds: dict[str, tuple[int, Callable[[int], Callable[[], int]]]] = {
        "miss": (200, lambda number: request(tenant, f"Agenda online, texto {number}")),
        "hit": (200, lambda _: request(tenant, "first")),
        "rejection": (429, lambda number: request(tenant, f"Recusado {number}")),
    }
    found: dict[str, Spent] = {}
    for name, (status, call_for) in kinds.items():
        if name == "rejection":
            allow(tenant, 0)
        with measured() as spent:
            for number in range(calls):
                actual = call_for(number)()
                if actual != status:
                    raise SystemExit(f"{name}: the handler returned {actual} instead of {status} ({MODEL})")
        spent.read, spent.write = spent.read / calls, spent.write / calls
        spent.log_bytes = spent.log_bytes / calls + RUNTIME_LOG_BYTES
        print(f"| {name} | {spent.read:.2f} | {spent.write:.2f} | {spent.log_bytes:.0f} |")
        found[name] = spent
    return found


@contextmanager
def measured() -> Generator[Spent]:
    """Measure the capacity and the log bytes of the block."""
    spent = Spent()
    printed = StringIO()
    with counted() as capacity, redirect_stdout(printed):
        yield spent
    spent.read, spent.write, spent.log_bytes = capacity.read, capacity.write, len(printed.getvalue())


def cost_row(kind: Kind, spent: Spent) -> str:
    seconds = kind.provider_s + kind.cpu_s / CORES + kind.waits * WAIT_S
    parts = [
        (spent.read * READ_UNITS + spent.write * WRITE_UNITS) * MILLION,
        API_CALL * MILLION,
        (INVOCATION + seconds * MEMORY_GB * GB_SECOND) * MILLION,
        spent.log_bytes * MILLION / 1e9 * LOG_GB,
    ]
    cells = " | ".join(f"{part:.2f}" for part in [*parts, sum(parts)])
    return f"| {kind.name} | {cells} |"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
