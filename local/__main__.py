"""Run the local stack (`make run`) in one foreground process until Ctrl-C or SIGTERM."""

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import NoReturn

from local.aws import ENDPOINT, AwsUnreachable
from local.dev.demo import PROVIDERS
from local.emulator.functions import FunctionFailed, FunctionTimedOut
from local.stack import LocalStack

DEFAULT_PORT = 3000
MAX_PORT = 65_535
# Matches the schedule in template.yaml.
SCHEDULE_S = 300
DEMO_TENANT = "demo"
JSON = "-H 'Content-Type: application/json'"
COPY_PATH = "/api/marketing/ai-assistant/generate-copy-v2"
SHUTDOWN_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main() -> NoReturn:
    """Run until a signal ends the process (exit code 0); exit with 1 if the stack cannot start."""
    # Threads inherit the mask, so only the waiting thread can receive these signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, SHUTDOWN_SIGNALS)
    Thread(target=_exit_on_signal, daemon=True).start()
    operator = dict(os.environ)
    port = operator.get("PORT") or DEFAULT_PORT
    if not str(port).isdecimal() or int(port) > MAX_PORT:
        _give_up(f"PORT={port} is not a port number")
    try:
        stack = LocalStack(int(port), operator)
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        _give_up(f"port {port} is in use: choose another one with PORT=..." if in_use else f"port {port}: {error}")
    except ValueError as error:
        # An environment variable has a value that its parameter in template.yaml does not allow, such as LOG_LEVEL.
        _give_up(str(error))
    try:
        stack.start()
        print(_greeting(stack, operator), flush=True)
    except AwsUnreachable as error:
        _give_up(str(error))
    while True:
        time.sleep(SCHEDULE_S)
        with suppress(FunctionFailed, FunctionTimedOut):
            stack.tick()


def _exit_on_signal() -> NoReturn:
    """Wait for a signal and exit without cleanup: state is in memory, and there are no child processes.

    A handler would run in the main thread, which the kernel does not always interrupt when another thread is free.
    """
    signal.sigwait(SHUTDOWN_SIGNALS)
    os._exit(0)


def _give_up(message: str) -> NoReturn:
    """Print the message and exit at once, even if other threads still run."""
    print(f"make run: {message}", file=sys.stderr, flush=True)
    os._exit(1)


def _greeting(stack: LocalStack, operator: Mapping[str, str]) -> str:
    example = {"provider": "openai", "prompt": "Café especial em grãos, entrega em 24 horas"}
    body = json.dumps(example, ensure_ascii=False)
    token = stack.token(DEMO_TENANT, "demo-user", ["admin"])
    lines = [f"The API runs at {stack.url} (Ctrl-C stops it).", ""]
    if stack.aws.embedded:
        lines.append(f"AWS       {', '.join(stack.aws.embedded)} embedded; other processes use {stack.serve_aws()}")
    if stack.aws.external:
        lines.append(f"AWS       {', '.join(stack.aws.external)} at {operator[ENDPOINT]}")
    lines += [
        *(f"provider  {name:<10} {provider.model} ({stack.place(name)})" for name, provider in PROVIDERS.items()),
        "",
        f"Copy for the tenant {DEMO_TENANT!r}:",
        "",
        f"curl -sS {stack.url}{COPY_PATH} {JSON} -H 'Authorization: Bearer {token}' -d '{body}'",
        "",
        "A token for another tenant:",
        "",
        f"""curl -sS {stack.url}/local/token {JSON} -d '{{"tenantId": "acme", "userId": "ana", "roles": ["admin"]}}'""",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
