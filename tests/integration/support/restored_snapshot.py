"""Run a function as under SnapStart: import it, take a snapshot, and restore copies of it.

A fork simulates the restore: all children begin with the same memory. Standard input has the function's name, an event
for each copy, and the variables that Lambda sets after a restore. Standard output has one JSON document per line: one
of the snapshot and one of each copy.
"""

import json
import os
import random
import socket
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from awslambdaric import lambda_runtime_hooks_runner as hooks  # pyright: ignore[reportMissingTypeStubs]

from nexus_ai.aws import clients
from nexus_ai.gateway import composition
from nexus_ai.limits.service import limit_service
from nexus_ai.net import tls
from nexus_ai.platform import observability
from nexus_ai.settings.key_ring import key_ring
from nexus_ai.settings.service import settings_service
from tests.unit.http.http_events import Context

SINGLETONS = {
    "clients of AWS": (
        clients.dynamodb,
        clients.kms,
        clients.s3,
        clients.lambda_,
        clients.secrets_manager,
        clients.ses,
    ),
    "what was read": (composition.gateway, settings_service, limit_service, key_ring),
    "the logger": (observability.logger,),
}


def snapshot() -> dict[str, Any]:
    """Return what the snapshot contains: modules, contexts, singletons, sockets and threads."""
    made = [name for name, each in SINGLETONS.items() if any(once._made for once in each)]  # pyright: ignore[reportPrivateUsage]
    names = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return {
        "modules": sorted(sys.modules),
        "tls contexts": tls._context.cache_info().currsize,  # pyright: ignore[reportPrivateUsage]
        "kept": made,
        "sockets": [name for name in names if name.startswith("socket:")],
        "threads": threading.active_count(),
    }


def copy(handler: Callable[[Any, Any], Any], event: dict[str, Any], variables: dict[str, str], state: Any) -> None:
    # Python seeds its generator after a fork, but not after a restore.
    random.setstate(state)
    hooks.run_after_restore()
    drawn = random.random()
    os.environ.update(variables)
    before = set(sys.modules)
    response = handler(event, Context())
    result = {
        "status": response["statusCode"],
        "body": json.loads(response["body"]),
        "drawn": drawn,
        "imported": sorted(set(sys.modules) - before),
    }
    print(json.dumps(result), flush=True)


def main() -> None:
    task = json.load(sys.stdin)
    handler = import_module(f"functions.{task['function']}.app").handler
    connect = socket.socket.connect

    def refuse(*_: object) -> None:
        raise AssertionError("no connection may be opened before the snapshot")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    hooks.run_before_snapshot()
    socket.socket.connect = connect  # type: ignore[method-assign]
    print(json.dumps(snapshot()), flush=True)
    state = random.getstate()
    for event in task["events"]:
        child = os.fork()
        if child == 0:
            copy(handler, event, task["variables"], state)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
