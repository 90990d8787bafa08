"""What a cold start and the memory of each function come to, in Lambda's own runtime. Takes the folder of `sam build`.

Each built function answers its event of events/ in new processes under the Runtime Interface Emulator: with the built
layer, and with the same without its .pyc. Init is the emulator's own INIT REPORT, the first answer is timed from the
request that starts the process, memory is the most that the process had resident, and modules are those that it has
imported by then. AWS, the vendors and the token issuer run in another process, which is this one. Below are two others'
init, and a second table has the first answer of a task by provider, beside the bare import of that provider's SDK.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from local.lambda_runtime import BuiltFunction
from local.stack import LocalStack
from local.template import ROOT, Template

# Whose events they are.
TENANT = "demo"
NO_ISSUER = {"TokenIssuer": "-", "TokenAudience": "-", "TokenJwksUrl": "-"}


STARTS = 5
DOES_NOTHING = "def handler(event, context):\n    return {}\n"
# What the init of ours is measured by.
OTHERS = {"nothing": DOES_NOTHING, "boto3_client": f"import boto3\n\nboto3.client('dynamodb')\n\n\n{DOES_NOTHING}"}
OTHERS_VARIABLES = {"AWS_LAMBDA_FUNCTION_TIMEOUT": "29", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
TASK = "GenerateCopyFunction"
SDKS = {"openai": "openai", "anthropic": "anthropic", "google": "google.genai", "groq": "groq", "openrouter": "openai"}


class Start(NamedTuple):
    init_ms: float
    first_ms: float
    peak_mb: float


def started(function: BuiltFunction, event: dict[str, Any]) -> Start:
    with TemporaryDirectory() as folder, closing(function.start(log := Path(folder) / "log")) as environment:
        began = time.perf_counter()
        environment.invoke(event)
        first_ms = (time.perf_counter() - began) * 1000
        status = Path(f"/proc/{environment.runtime_pid()}/status").read_text()
        (peak_kb,) = re.findall(r"(?m)^VmHWM:\s+(\d+) kB$", status)
        (init_ms,) = re.findall(r"INIT REPORT\(durationMs: ([\d.]+)\)", log.read_text())
    return Start(float(init_ms), first_ms, int(peak_kb) * 1024 / 1_000_000)


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


def measured(built: Path, events: Mapping[str, dict[str, Any]], *, starts: int) -> dict[str, tuple[Start, int]]:
    """The median of the starts and the modules, by the functions' logical ids."""
    found: dict[str, tuple[Start, int]] = {}
    with running(built) as stack:
        for logical_id, function in stack.functions.items():
            assert isinstance(function, BuiltFunction)
            event = events[logical_id]
            if "authorizationToken" in event:
                event |= {"authorizationToken": f"Bearer {stack.token(TENANT)}"}
            times = [started(function, event) for _ in range(starts)]
            found[logical_id] = Start(*map(median, zip(*times, strict=True))), modules(function, event)
    return found


def others(built: Path) -> Generator[str]:
    """A function that does nothing, and one that imports boto3 and makes one client, with the same layer."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "CommonLayer").symlink_to((built / "CommonLayer").resolve())
        for name, source in OTHERS.items():
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "app.py").write_text(source)
            function = BuiltFunction(Path(folder), name, "us-east-1", lambda: OTHERS_VARIABLES)
            init_ms = median(started(function, {}).init_ms for _ in range(STARTS))
            yield f"{name}: init {init_ms:.0f} ms"


def by_provider(built: Path, event: dict[str, Any]) -> Generator[str]:
    layer = (built / "CommonLayer" / "python").resolve()
    with running(built) as stack:
        function = stack.functions[TASK]
        assert isinstance(function, BuiltFunction)
        for provider, sdk in SDKS.items():
            firsts: list[float] = []
            imports: list[float] = []
            for number in range(STARTS):
                body = {"provider": provider, "prompt": f"Texto {number} de {provider}"}
                firsts.append(started(function, event | {"body": json.dumps(body)}).first_ms)
                began = time.perf_counter()
                environment = {"PYTHONPATH": str(layer), "PYTHONDONTWRITEBYTECODE": "1"}
                subprocess.run([sys.executable, "-S", "-c", f"import {sdk}"], env=environment, check=True)
                imports.append((time.perf_counter() - began) * 1000)
            first, bare = median(firsts), median(imports)
            spread = f"{first:.0f} ({min(firsts):.0f} to {max(firsts):.0f})"
            yield f"| {provider} | {bare:.0f} | {spread} | {first / bare:.2f} |"


def main() -> None:
    built = Path(sys.argv[1])
    properties = Template(NO_ISSUER, region="us-east-1").functions()
    names = {logical_id: Path(each["CodeUri"]).name for logical_id, each in properties.items()}
    events = {
        logical_id: json.loads((ROOT / "events" / f"{name}.json").read_text()) for logical_id, name in names.items()
    }
    compiled = measured(built, events, starts=STARTS)
    with TemporaryDirectory(dir=built.parent) as folder:
        bare = Path(folder) / "build"
        shutil.copytree(built, bare, ignore=shutil.ignore_patterns("__pycache__"), copy_function=os.link)
        uncompiled = measured(bare, events, starts=1)
    print("| function | init ms | first answer ms | both without .pyc | modules | peak MB | MB given |")
    print("|---|---|---|---|---|---|---|")
    for logical_id, (start, imported) in compiled.items():
        slow = uncompiled[logical_id][0]
        print(
            f"| {names[logical_id]} | {start.init_ms:.0f} | {start.first_ms:.0f} | {slow.init_ms:.0f}, "
            f"{slow.first_ms:.0f} | {imported} | {start.peak_mb:.0f} | {properties[logical_id]['MemorySize']} |"
        )
    for line in others(built):
        print(line)
    print("\n| provider | bare import of its SDK ms | first answer ms | ratio |\n|---|---|---|---|")
    for line in by_provider(built, events[TASK]):
        print(line)


if __name__ == "__main__":
    main()
