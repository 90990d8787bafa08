"""What a cold start and the memory of each function come to, in Lambda's own runtime. Takes the folder of `sam build`.

Each built function answers its event of events/ in a new process under the Runtime Interface Emulator: with the built
layer, and with the same without its .pyc. The time is the emulator's own INIT REPORT, memory the most that the process
had resident. AWS, the vendors and the token issuer run in another process, which is this one.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from local.lambda_runtime import BuiltFunction
from local.stack import LocalStack
from local.template import ROOT, Template

# Whose events they are.
TENANT = "demo"
NO_ISSUER = {"TokenIssuer": "-", "TokenAudience": "-", "TokenJwksUrl": "-"}


class Start(NamedTuple):
    init_ms: float
    peak_mb: float


def started(function: BuiltFunction, event: dict[str, Any]) -> Start:
    with TemporaryDirectory() as folder, closing(function.start(log := Path(folder) / "log")) as environment:
        environment.invoke(event)
        status = Path(f"/proc/{environment.runtime_pid()}/status").read_text()
        (peak_kb,) = re.findall(r"(?m)^VmHWM:\s+(\d+) kB$", status)
        (init_ms,) = re.findall(r"INIT REPORT\(durationMs: ([\d.]+)\)", log.read_text())
    return Start(float(init_ms), int(peak_kb) * 1024 / 1_000_000)


def measured(built: Path, events: Mapping[str, dict[str, Any]]) -> dict[str, Start]:
    """By the functions' logical ids."""
    found: dict[str, Start] = {}
    stack = LocalStack(built=built)
    with ExitStack() as around:
        around.callback(stack.stop)
        for logical_id, function in stack.start().functions.items():
            assert isinstance(function, BuiltFunction)
            event = events[logical_id]
            if "authorizationToken" in event:
                event |= {"authorizationToken": f"Bearer {stack.token(TENANT)}"}
            stack.tenants.welcome(TENANT)
            found[logical_id] = started(function, event)
    return found


def main() -> None:
    built = Path(sys.argv[1])
    properties = Template(NO_ISSUER, region="us-east-1").functions()
    names = {logical_id: Path(each["CodeUri"]).name for logical_id, each in properties.items()}
    events = {
        logical_id: json.loads((ROOT / "events" / f"{name}.json").read_text()) for logical_id, name in names.items()
    }
    compiled = measured(built, events)
    with TemporaryDirectory(dir=built.parent) as folder:
        bare = Path(folder) / "build"
        shutil.copytree(built, bare, ignore=shutil.ignore_patterns("__pycache__"), copy_function=os.link)
        uncompiled = measured(bare, events)
    print("| function | init ms | init ms without .pyc | peak MB | MB given |")
    print("|---|---|---|---|---|")
    for logical_id, (init_ms, peak_mb) in compiled.items():
        given = properties[logical_id]["MemorySize"]
        print(
            f"| {names[logical_id]} | {init_ms:.0f} | {uncompiled[logical_id].init_ms:.0f} | {peak_mb:.0f} | {given} |"
        )


if __name__ == "__main__":
    main()
