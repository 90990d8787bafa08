"""Measure the time, CPU and store calls that this service adds to a provider call.

    PYTHONPATH=layers/common python -m bench.call [calls]

Three processes run: the handler, a simulated provider that responds at once, and DynamoDB Local, which is called over
persistent connections as DynamoDB is. The same completion goes through the provider's SDK alone and through the
handler, one call after the other. CPU is that of the handler's process, all threads included.
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

from bench.apart import separate_process
from functions.generate_copy.app import handler
from local.dev.default_models import DEFAULT_MODELS
from local.providers.server import SimulatedProviders
from local.stack import LocalStack
from nexus_ai.aws import clients
from nexus_ai.gateway.composition import gateway
from nexus_ai.net.aws_transport import Request, Response, Send
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import SystemClock, uuid7
from nexus_ai.platform.observability import logger
from nexus_ai.providers.base import ProviderName
from tests.dynamodb_local import dynamodb_local

EVENT = Path(__file__).parents[1] / "events" / "generate_copy.json"
MODEL = DEFAULT_MODELS[ProviderName.OPENAI]
WARM_UP = 30


class Context:
    aws_request_id = "bench"
    function_name = "nexus-ai-function"
    function_version = "7"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def serve_provider(pipe: Connection) -> None:
    with SimulatedProviders() as providers:
        pipe.send(providers.base_urls()[ProviderName.OPENAI])
        pipe.recv()


def request(tenant: str, prompt: str) -> Callable[[], int]:
    """Return a function that calls the handler with the prompt and returns the status of the response."""
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


class StoreCalls:
    """Counter of the calls to DynamoDB and KMS that leave this process."""

    def __init__(self) -> None:
        self.number = 0

    def watch(self) -> None:
        for service in (clients.dynamodb(), clients.kms()):
            service.send = self._counted(service.send)

    def _counted(self, send: Send) -> Send:
        def counted(request: Request) -> Response:
            self.number += 1
            return send(request)

        return counted


def measure_row(name: str, store: StoreCalls, calls: int, work: Callable[[int], object]) -> dict[str, Any]:
    """Return one row of the table, measured after a warm-up. `work` receives the number of the call."""
    for number in range(WARM_UP):
        work(-1 - number)
    times_ms: list[float] = []
    before, cpu = store.number, time.process_time()
    for number in range(calls):
        started = time.perf_counter()
        work(number)
        times_ms.append((time.perf_counter() - started) * 1000)
    cpu = time.process_time() - cpu
    cuts = quantiles(times_ms, n=20)
    return {
        "call": name,
        "CPU ms": cpu / calls * 1000,
        "p50 ms": cuts[9],
        "p95 ms": cuts[18],
        "calls of the store": (store.number - before) / calls,
    }


def expect(status: int, call: Callable[[], int]) -> None:
    actual = call()
    if actual != status:
        raise SystemExit(f"the handler returned {actual} instead of {status}")


def run(calls: int) -> list[dict[str, Any]]:
    store = StoreCalls()
    with (
        separate_process(serve_provider) as url,
        openai.OpenAI(api_key="sk-bench", base_url=url, max_retries=0) as client,
        dynamodb_local() as tables,
    ):
        stack = LocalStack(operator={"OPENAI_BASE_URL": url, "AWS_ENDPOINT_URL": tables})
        try:
            stack.start()
            logger().setLevel(logging.WARNING)
            store.watch()
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
                measure_row("SDK alone", store, calls, sdk),
                measure_row("miss", store, calls, lambda n: expect(200, request("bench-open", f"Convite {n}"))),
                measure_row("hit", store, calls, lambda _: expect(200, hit)),
                measure_row("rejection", store, calls, lambda n: expect(429, request("bench-closed", f"Convite {n}"))),
            ]
        finally:
            stack.stop()


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    # Print the table after the run, without the log lines.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        table = run(calls)
    print(f"{calls} calls each; Python {platform.python_version()}, {os.cpu_count()} CPUs, openai {version('openai')}")
    print(" | ".join(table[0]))
    for line in table:
        print(" | ".join(f"{value:.2f}" if isinstance(value, float) else str(value) for value in line.values()))


if __name__ == "__main__":
    main()
