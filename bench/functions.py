"""Measure the cold start and the memory of each function in Lambda's own runtime.

    PYTHONPATH=layers/common python -m bench.functions BUILD

BUILD is the output folder of `sam build`. Each function handles its event of events/ in new processes under the Runtime
Interface Emulator, with the built layer and with the same layer without .pyc files. Init comes from the emulator's INIT
REPORT. The first response is timed from the request that starts the process. Memory is the peak resident set, and
modules are those imported by then. AWS, providers and token issuer run in this process. The last two rows are functions
for comparison. A second table has the first response of a task by provider, the import of that provider's SDK alone,
and the time that the AWS emulator worked.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

from bench.engine import Engine
from bench.peers.__main__ import cpu_s
from local.emulator.lambda_runtime import BuiltFunction
from local.stack import LocalStack
from local.template import ROOT, Template

# Tenant of the events.
TENANT = "demo"
NO_ISSUER = {"TokenIssuer": "-", "TokenAudience": "-", "TokenJwksUrl": "-"}


STARTS = 5
SETTLED_S = 5
DOES_NOTHING = "def handler(event, context):\n    return {}\n"
# Functions to compare with.
OTHERS = {"nothing": DOES_NOTHING, "boto3_client": f"import boto3\n\nboto3.client('dynamodb')\n\n\n{DOES_NOTHING}"}
OTHERS_VARIABLES = {"AWS_LAMBDA_FUNCTION_TIMEOUT": "29", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
TASK = "GenerateCopyFunction"
SDKS = {"openai": "openai", "anthropic": "anthropic", "google": "google.genai", "groq": "groq", "openrouter": "openai"}


class Start(NamedTuple):
    init_ms: float
    first_ms: float
    peak_mb: float
    cpu_ms: float


def measure_start(function: BuiltFunction, event: dict[str, Any]) -> Start:
    before = set(threading.enumerate())
    with TemporaryDirectory() as folder, closing(function.start(log := Path(folder) / "log")) as environment:
        started_at = time.perf_counter()
        environment.invoke(event)
        first_ms = (time.perf_counter() - started_at) * 1000
        cpu_ms = cpu_s([environment.runtime_pid()]) * 1000
        status = Path(f"/proc/{environment.runtime_pid()}/status").read_text()
        (peak_kb,) = re.findall(r"(?m)^VmHWM:\s+(\d+) kB$", status)
        (init_ms,) = re.findall(r"INIT REPORT\(durationMs: ([\d.]+)\)", log.read_text())
    # A thread that is about to start is listed without an identifier.
    for thread in [each for each in set(threading.enumerate()) - before if each.ident]:
        # A job that this request has started runs another function, which must not overlap the next measurement. The
        # function of an erasure then waits for minutes without using CPU.
        thread.join(SETTLED_S)
    return Start(float(init_ms), first_ms, int(peak_kb) * 1024 / 1_000_000, cpu_ms)


def modules(function: BuiltFunction, event: dict[str, Any]) -> int:
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with closing(function.start(log, PYTHONPROFILEIMPORTTIME="1")) as environment:
            environment.invoke(event)
        return log.read_text().count("import time:") - 1


@contextmanager
def running(built: Path) -> Generator[LocalStack]:
    stack = LocalStack(built=built)
    try:
        stack.start().tenants.welcome(TENANT)
        yield stack
    finally:
        stack.stop()


def measure_functions(
    built: Path, events: Mapping[str, dict[str, Any]], *, starts: int, others: Mapping[str, BuiltFunction]
) -> dict[str, tuple[Start, int]]:
    """Return the median start and the number of modules by logical id.

    Each round starts every function once, so that a slow minute of the machine affects all of them.
    """
    times = defaultdict[str, list[Start]](list)
    with running(built) as stack:
        functions = {**cast("dict[str, BuiltFunction]", stack.functions), **others}
        events = {name: _with_token(event, stack) for name, event in events.items()}
        for _ in range(starts):
            for name, function in functions.items():
                times[name].append(measure_start(function, events.get(name, {})))
        imported = {name: modules(function, events.get(name, {})) for name, function in functions.items()}
    return {name: (Start(*map(median, zip(*times[name], strict=True))), imported[name]) for name in times}


def _with_token(event: dict[str, Any], stack: LocalStack) -> dict[str, Any]:
    is_authorizers = "authorizationToken" in event
    return event | {"authorizationToken": f"Bearer {stack.token(TENANT)}"} if is_authorizers else event


def comparisons(built: Path, folder: Path) -> dict[str, BuiltFunction]:
    """Return two functions with the same layer: one does nothing, the other imports boto3 and creates a client."""
    (folder / "CommonLayer").symlink_to((built / "CommonLayer").resolve())
    for name, source in OTHERS.items():
        (folder / name).mkdir()
        (folder / name / "app.py").write_text(source)
    return {name: BuiltFunction(folder, name, "us-east-1", lambda: OTHERS_VARIABLES) for name in OTHERS}


def provider_rows(built: Path, event: dict[str, Any]) -> Generator[str]:
    layer = (built / "CommonLayer" / "python").resolve()
    engine = Engine()
    engine.watch()
    with running(built) as stack:
        function = stack.functions[TASK]
        assert isinstance(function, BuiltFunction)
        for provider, sdk in SDKS.items():
            firsts: list[float] = []
            stores: list[float] = []
            imports: list[float] = []
            for number in range(STARTS):
                body = {"provider": provider, "prompt": f"Texto {number} de {provider}"}
                engine.reset()
                firsts.append(measure_start(function, event | {"body": json.dumps(body)}).first_ms)
                stores.append(engine.busy_s() * 1000)
                started_at = time.perf_counter()
                environment = {"PYTHONPATH": str(layer), "PYTHONDONTWRITEBYTECODE": "1"}
                subprocess.run([sys.executable, "-S", "-c", f"import {sdk}"], env=environment, check=True)
                imports.append((time.perf_counter() - started_at) * 1000)
            first, store, bare = median(firsts), median(stores), median(imports)
            spread = f"{first:.0f} ({min(firsts):.0f} to {max(firsts):.0f})"
            ratios = f"{first / bare:.2f} | {(first - store) / bare:.2f}"
            yield f"| {provider} | {bare:.0f} | {spread} | {store:.0f} | {ratios} |"


def main() -> None:
    built = Path(sys.argv[1])
    properties = Template(NO_ISSUER, region="us-east-1").functions()
    names = {logical_id: Path(each["CodeUri"]).name for logical_id, each in properties.items()}
    events = {
        logical_id: json.loads((ROOT / "events" / f"{name}.json").read_text()) for logical_id, name in names.items()
    }
    with TemporaryDirectory() as folder:
        compiled = measure_functions(built, events, starts=STARTS, others=comparisons(built, Path(folder)))
    with TemporaryDirectory(dir=built.parent) as folder:
        bare = Path(folder) / "build"
        shutil.copytree(built, bare, ignore=shutil.ignore_patterns("__pycache__"), copy_function=os.link)
        uncompiled = measure_functions(bare, events, starts=1, others={})
    print("| function | init ms | first response ms | both without .pyc | modules | peak MB | MB configured |")
    print("|---|---|---|---|---|---|---|")
    for logical_id, (start, imported) in compiled.items():
        slow, configured = "", ""
        if logical_id in uncompiled:
            slow = f"{uncompiled[logical_id][0].init_ms:.0f}, {uncompiled[logical_id][0].first_ms:.0f}"
            configured = properties[logical_id]["MemorySize"]
        times = f"{start.init_ms:.0f} | {start.first_ms:.0f} | {slow}"
        print(f"| {names.get(logical_id, logical_id)} | {times} | {imported} | {start.peak_mb:.0f} | {configured} |")
    print("\n| provider | bare import of SDK ms | first response ms | AWS emulator ms | ratio | without emulator |")
    print("|---|---|---|---|---|---|")
    for line in provider_rows(built, events[TASK]):
        print(line)


if __name__ == "__main__":
    main()
