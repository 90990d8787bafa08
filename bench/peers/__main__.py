"""Compare this service with LiteLLM's proxy and Portkey's gateway: the same completion through each, in one run.

    make bench-peers

The provider is simulated, responds at once and runs in a separate process. This service's built function is warm in
Lambda's runtime and uses DynamoDB Local. The emulators of AWS are not counted, but the cost of calling them is. LiteLLM
checks a token, limits requests, enforces a budget and caches in Redis; it has no database here, so it stores nothing
about a call. Portkey's gateway does none of this. All listen on 127.0.0.1. CPU is the sum over all processes of each,
Redis included.
"""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import jwt
import openai
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.apart import separate_process
from bench.call import EVENT, MODEL, allow, serve_provider
from local.emulator.lambda_runtime import BuiltFunction, ExecutionEnvironment
from local.stack import LocalStack
from local.template import ROOT
from nexus_ai.platform.clock import SystemClock
from tests.dynamodb_local import dynamodb_local

HERE = Path(__file__).parent
ROUNDS = 5
WARM_UP = 20
# LiteLLM's limits are per minute, and each new minute allows one request.
NEW_WINDOWS = 2
SECOND = os.sysconf("SC_CLK_TCK")
# Highest ratio of our CPU to LiteLLM's.
TARGETS = {"miss": 0.4, "hit": 0.3, "rejection": 0.4}

# Sends a prompt and returns the status of the response.
type Call = Callable[[str], int]


@dataclass
class Line:
    """Results of one gateway and kind of call over all rounds."""

    peer: str
    kind: str
    call: Call
    status: int
    processes: Sequence[int]
    p50_ms: list[float] = field(default_factory=list[float])
    p95_ms: list[float] = field(default_factory=list[float])
    cpu_ms: list[float] = field(default_factory=list[float])

    def measure(self, calls: int) -> None:
        same = self.kind == "hit"
        for number in range(WARM_UP):
            self.call("first" if same else f"{self.peer} warm {number} {time.time_ns()}")
        times_ms: list[float] = []
        unexpected = 0
        before = cpu_s(self.processes)
        for number in range(calls):
            text = "first" if same else f"{self.peer} {number} {time.time_ns()}"
            started = time.perf_counter()
            found = self.call(text)
            times_ms.append((time.perf_counter() - started) * 1000)
            unexpected += found != self.status
            if unexpected > NEW_WINDOWS:
                raise SystemExit(f"{self.peer}, {self.kind}: {found} instead of {self.status}")
        self.cpu_ms.append((cpu_s(self.processes) - before) / calls * 1000)
        cuts = quantiles(times_ms, n=20)
        self.p50_ms.append(cuts[9])
        self.p95_ms.append(cuts[18])


def cpu_s(processes: Sequence[int]) -> float:
    """Return the CPU seconds that the processes and their children have used so far."""
    return sum(_ticks(process) for process in processes) / SECOND


def _ticks(process: int) -> int:
    stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    children = (path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children"))
    return int(stat[11]) + int(stat[12]) + sum(_ticks(int(child)) for found in children for child in found)


@contextmanager
def process(*command: str | Path, folder: Path = ROOT, **variables: str) -> Generator[int]:
    """Run a process until the end of the block. Its output is in `.cache/peers`."""
    log = ROOT / ".cache" / "peers" / f"{Path(command[0]).name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as lines:
        started = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdout=lines,
            stderr=subprocess.STDOUT,
            # With a separate session, processes that this one starts can be ended as well.
            start_new_session=True,
        )
        try:
            yield started.pid
        finally:
            os.killpg(started.pid, signal.SIGTERM)
            started.wait()


def over_http(port: int, headers: dict[str, str]) -> Call:
    """Return a client with one persistent connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def call(text: str) -> int:
        body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": text}]})
        try:
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
        except OSError:
            # The server has closed a connection that was idle for too long.
            connection.close()
            return call(text)
        response.read()
        return response.status

    return call


def wait_for(port: int, path: str) -> None:
    ends_at = time.monotonic() + 120
    while time.monotonic() < ends_at:
        with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            try:
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.2)
    raise SystemExit(f"no server responds at port {port}: see .cache/peers")


@contextmanager
def litellm(provider: str, ports: Iterator[int]) -> Generator[list[Line]]:
    key = generate_private_key(65_537, 2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    port, redis_port = next(ports), next(ports)

    def token(tenant: str, requests_per_minute: int) -> dict[str, str]:
        claims = {"tenant_id": tenant, "sub": "ana", "requests_per_minute": requests_per_minute}
        claims |= {"aud": "bench", "iss": "bench", "exp": int(time.time()) + 3600}
        return {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='RS256')}"}

    redis = {"host": "127.0.0.1", "port": redis_port}
    config: dict[str, Any] = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {"model": f"openai/{MODEL}", "api_base": provider, "api_key": "sk-bench"},
            }
        ],
        "litellm_settings": {"cache": True, "cache_params": {"type": "redis", **redis}, "telemetry": False},
        "router_settings": {"redis_host": "127.0.0.1", "redis_port": redis_port, "num_retries": 0},
        "general_settings": {"custom_auth": "proxy.check", "master_key": f"sk-{os.urandom(24).hex()}"},
    }
    with TemporaryDirectory() as folder, ExitStack() as around:
        (Path(folder) / "proxy.py").write_text((HERE / "litellm" / "proxy.py").read_text())
        # JSON is YAML.
        (Path(folder) / "config.yaml").write_text(json.dumps(config))
        cache = around.enter_context(
            process(
                "redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"
            )
        )
        uv = ROOT / ".cache" / "uv" / "bin" / "uv"
        command: list[str | Path] = [uv, "run", "--quiet", "--locked", "--python", sys.executable]
        command += ["--script", HERE / "litellm" / "proxy.py", "--config", Path(folder) / "config.yaml"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False"]
        proxy = around.enter_context(
            process(*command, BENCH_PUBLIC_KEY=public, LITELLM_LOG="CRITICAL", LITELLM_MODE="PRODUCTION", PYTHONPATH="")
        )
        wait_for(port, "/health/liveliness")
        free, spent = over_http(port, token("free", 1_000_000)), over_http(port, token("spent", 1))
        free("first")
        spent("first")
        pids = [proxy, cache]
        yield [
            Line("LiteLLM", "miss", free, 200, pids),
            Line("LiteLLM", "hit", free, 200, pids),
            Line("LiteLLM", "rejection", spent, 429, pids),
        ]


@contextmanager
def portkey(provider: str, ports: Iterator[int]) -> Generator[list[Line]]:
    port = next(ports)
    folder = HERE / "portkey"
    start = folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    node = Path(sys.executable).with_name("node")
    with process(node, "--import", "./loopback.mjs", start, f"--port={port}", "--headless", folder=folder) as pid:
        wait_for(port, "/")
        headers = {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": provider,
            "Authorization": "Bearer sk-bench",
        }
        yield [Line("Portkey", "miss", over_http(port, headers), 200, [pid])]


@contextmanager
def ours(provider: str, built: Path) -> Generator[list[Line]]:
    with ExitStack() as around:
        # DynamoDB Local has persistent connections as AWS does; the embedded store does not.
        tables = around.enter_context(dynamodb_local())
        operator = {"OPENAI_BASE_URL": provider, "AWS_ENDPOINT_URL": tables}
        stack = LocalStack(operator=operator, built=built)
        around.callback(stack.stop)
        stack.start()
        for tenant in ("bench-open", "bench-closed"):
            stack.tenants.welcome(tenant)
        function = stack.functions["GenerateCopyFunction"]
        assert isinstance(function, BuiltFunction)
        warm = around.enter_context(closing(function.start()))
        free, spent = caller_of(warm, "bench-open"), caller_of(warm, "bench-closed")
        free("first")
        spent("first")
        allow("bench-open", None)
        allow("bench-closed", 1)
        pids = [warm.runtime_pid()]
        yield [
            Line("Nexus AI", "miss", free, 200, pids),
            Line("Nexus AI", "hit", free, 200, pids),
            Line("Nexus AI", "rejection", spent, 429, pids),
        ]


def caller_of(warm: ExecutionEnvironment, tenant: str) -> Call:
    """Return a function that calls the built function for the tenant."""
    event: dict[str, Any] = json.loads(EVENT.read_text())
    event["requestContext"]["authorizer"] |= {"tenantId": tenant}

    def call(text: str) -> int:
        event["body"] = json.dumps({"provider": "openai", "model": MODEL, "prompt": text})
        event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
        return int(warm.invoke(event)["statusCode"])

    return call


def sdk(provider: str) -> Line:
    client = openai.OpenAI(api_key="sk-bench", base_url=provider, max_retries=0)

    def call(text: str) -> int:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])
        return 200

    return Line("SDK alone", "miss", call, 200, [])


def report(lines: Sequence[Line]) -> Iterator[str]:
    yield "| through | call | CPU ms per call | p50 ms | p95 ms |\n|---|---|---|---|---|"
    for line in lines:
        cells = [
            _spread(line.cpu_ms) if line.processes else "in this process",
            _spread(line.p50_ms),
            _spread(line.p95_ms),
        ]
        yield f"| {line.peer} | {line.kind} | {' | '.join(cells)} |"
    cpu = {(line.peer, line.kind): median(line.cpu_ms) for line in lines}
    for kind, target in TARGETS.items():
        ratio = cpu["Nexus AI", kind] / cpu["LiteLLM", kind]
        yield f"\n{kind}: {ratio:.2f} of LiteLLM's CPU (at most {target})"


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    built, calls = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200
    ports = iter(range(4100, 4200))
    with separate_process(serve_provider) as provider, ExitStack() as around:
        lines = [
            sdk(provider),
            *around.enter_context(ours(provider, built)),
            *around.enter_context(litellm(provider, ports)),
            *around.enter_context(portkey(provider, ports)),
        ]
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
            for line in lines:
                line.measure(calls)
    print(f"{calls} calls in each of {ROUNDS} rounds; Python {platform.python_version()}, {os.cpu_count()} CPUs")
    for text in report(lines):
        print(text)


if __name__ == "__main__":
    main()
