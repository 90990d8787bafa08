"""What this service adds to a call of a provider: time, CPU, and calls of the store. Takes the number of calls.

One process has the handler and the embedded AWS, another one the simulated vendor, which answers at once. The same
completion goes through the vendor's SDK alone and through the handler, one call after the other. CPU is the first
process's, all its threads together. What the engine behind the store takes, which is AWS's in a deployment, is measured
call by call and taken out; what it costs to call it stays in.
"""

import json
import logging
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any

import openai

from bench.apart import apart
from bench.engine import Engine
from functions.generate_copy.app import handler
from local.default_models import DEFAULT_MODELS
from local.simulated.server import SimulatedProviders
from local.stack import LocalStack
from nexus_ai.core.caller import Caller
from nexus_ai.core.clock import SystemClock, uuid7
from nexus_ai.core.observability import logger
from nexus_ai.gateway.composition import gateway
from nexus_ai.providers.base import ProviderName

EVENT = Path(__file__).parents[1] / "events" / "generate_copy.json"
MODEL = DEFAULT_MODELS[ProviderName.OPENAI]
WARM_UP = 30


class Context:
    aws_request_id = "bench"
    function_name = "nexus-ai-function"
    function_version = "7"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def serve_vendor(pipe: Connection) -> None:
    with SimulatedProviders() as providers:
        pipe.send(providers.base_urls()[ProviderName.OPENAI])
        pipe.recv()


def request(tenant: str, prompt: str) -> Callable[[], int]:
    """A call of the handler for that prompt; its status."""
    event: dict[str, Any] = json.loads(EVENT.read_text())
    event["body"] = json.dumps({"provider": "openai", "model": MODEL, "prompt": prompt})
    event["requestContext"]["authorizer"] |= {"tenantId": tenant}

    def call() -> int:
        event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
        return int(handler(event, Context())["statusCode"])

    return call


def allow(tenant: str, requests_per_hour: int | None) -> None:
    now_ms = SystemClock().now_ms()
    caller = Caller.model_validate(
        {
            "tenant_id": tenant,
            "user_id": "bench",
            "roles": frozenset({"admin"}),
            "request_id": uuid7(now_ms),
            "endpoint": "bench",
            "started_at_ms": now_ms,
            "deadline": {"at_ms": now_ms + 29_000},
        }
    )
    limit = {"requests_per_hour": requests_per_hour, "tokens_per_day": None, "cost_per_month_micros": None}
    gateway().limits.change(caller, lambda limits: limits.model_copy(update=limit))


def measured(name: str, engine: Engine, calls: int, work: Callable[[int], object]) -> dict[str, Any]:
    """One line of the table, behind a warm-up; `work` is given the number of the call."""
    for number in range(WARM_UP):
        work(-1 - number)
    engine.reset()
    took_ms: list[float] = []
    own_ms: list[float] = []
    cpu = time.process_time()
    for number in range(calls):
        before = len(engine.spans)
        began = time.perf_counter()
        work(number)
        took_ms.append((time.perf_counter() - began) * 1000)
        own_ms.append(took_ms[-1] - engine.busy_s(before) * 1000)
    cpu = time.process_time() - cpu
    cuts, own = quantiles(took_ms, n=20), quantiles(own_ms, n=20)
    return {
        "call": name,
        "p50 ms": cuts[9],
        "p95 ms": cuts[18],
        "p50 ms without the store": own[9],
        "p95 ms without the store": own[18],
        "CPU ms": (cpu - engine.cpu_s) / calls * 1000,
        "engine CPU ms": engine.cpu_s / calls * 1000,
        "AWS calls": engine.calls / calls,
    }


def expect(status: int, call: Callable[[], int]) -> None:
    found = call()
    if found != status:
        raise SystemExit(f"the handler answered {found} and not {status}")


def run(calls: int) -> list[dict[str, Any]]:
    engine = Engine()
    with apart(serve_vendor) as url, openai.OpenAI(api_key="sk-bench", base_url=url, max_retries=0) as client:
        stack = LocalStack(operator={"OPENAI_BASE_URL": url})
        try:
            stack.start()
            logger().setLevel(logging.WARNING)
            engine.watch()
            for tenant in ("bench-open", "bench-closed"):
                stack.token(tenant)
            hit = request("bench-open", "Limpeza de pele")
            closed = request("bench-closed", "Limpeza de pele")
            expect(200, hit)
            expect(200, closed)
            allow("bench-open", None)
            allow("bench-closed", 1)

            def sdk(number: int) -> None:
                text = f"Limpeza de pele {number}"
                client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])

            return [
                measured("SDK alone", engine, calls, sdk),
                measured("miss", engine, calls, lambda n: expect(200, request("bench-open", f"Convite {n}"))),
                measured("hit", engine, calls, lambda _: expect(200, hit)),
                measured("rejection", engine, calls, lambda n: expect(429, request("bench-closed", f"Convite {n}"))),
            ]
        finally:
            stack.stop()


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    # Not among log lines.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        table = run(calls)
    print(f"{calls} calls each; Python {platform.python_version()}, {os.cpu_count()} CPUs, openai {version('openai')}")
    print(" | ".join(table[0]))
    for line in table:
        print(" | ".join(f"{value:.2f}" if isinstance(value, float) else str(value) for value in line.values()))


if __name__ == "__main__":
    main()
