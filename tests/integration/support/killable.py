"""Run the real handler in a separate process against the stack's AWS, and kill the process at a chosen moment.

The processes are forked from a server that has imported only what a warm function has: no embedded AWS, no threads and
no clients.
"""

import json
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Literal

from functions.generate_copy.app import handler
from local.stack import LocalStack
from nexus_ai.aws import clients
from nexus_ai.net.aws_transport import Request, Response, Send
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import ProviderName
from nexus_ai.providers.registry import get_provider
from tests.integration.support.pipeline import welcome
from tests.integration.support.shifted_clock import shifted_now_ms
from tests.unit.http.http_events import Context, post

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, "openai", "anthropic"])
STUCK_S = 60


@dataclass(frozen=True)
class StoreCall:
    """One call of DynamoDB within a request.

    Attributes:
        operation: DynamoDB's name of the operation.
        table: Setting with the name of the call's table; of a transaction, one of its tables.
        occurrence: Number of the call among those of this operation and table, from 1.
    """

    operation: str
    table: Literal["rate_limits_table", "audit_logs_table"]
    occurrence: int


@dataclass(frozen=True)
class Death:
    """Moment at which the process kills itself: before a call is sent, or after its response has arrived."""

    when: Literal["before", "after"]
    call: StoreCall


class Call:
    """One request for copy of a tenant in another process, whose clock is shifted by `shift_ms`."""

    def __init__(self, stack: LocalStack, tenant: str, shift_ms: int, death: Death | None) -> None:
        welcome(stack, tenant)
        here, there = PROCESSES.Pipe()
        environment = dict(os.environ) | {"AWS_ENDPOINT_URL": stack.aws.serve()}
        self._process = PROCESSES.Process(target=_run, args=(there, environment, tenant, shift_ms, death))
        self._process.start()
        self._pipe = here
        there.close()

    def begin(self) -> None:
        """Wait until the process is ready, and let it call the handler."""
        self._expect("ready")
        self._pipe.send("go")

    def killed_after(self, delay_s: float) -> bool:
        """Kill the process after a delay; return False if its handler had returned before."""
        in_time = not self._pipe.poll(delay_s)
        self._process.kill()
        self._process.join(STUCK_S)
        return in_time

    def wait_until_killed(self) -> None:
        """Wait until the process has killed itself."""
        self._process.join(STUCK_S)
        assert self._process.exitcode == -signal.SIGKILL

    def close(self) -> None:
        self._process.kill()
        self._process.join(STUCK_S)
        self._process.close()
        self._pipe.close()

    def _expect(self, expected: str) -> None:
        assert self._pipe.poll(STUCK_S), f"the process never sent {expected!r}"
        assert self._pipe.recv() == expected


@contextmanager
def call(stack: LocalStack, tenant: str, shift_ms: int, death: Death | None = None) -> Generator[Call]:
    subject = Call(stack, tenant, shift_ms, death)
    try:
        yield subject
    finally:
        subject.close()


def _run(pipe: Connection, environment: dict[str, str], tenant: str, shift_ms: int, death: Death | None) -> None:
    os.environ.clear()
    os.environ.update(environment)
    SystemClock.now_ms = shifted_now_ms(shift_ms)  # type: ignore[assignment, method-assign]
    # A warm function has these clients and adapters, and only the call is timed and killed.
    aws = [clients.dynamodb(), clients.kms()]
    for provider in (ProviderName.OPENAI, ProviderName.ANTHROPIC):
        get_provider(provider)
    if death is not None:
        for client in aws:
            client.send = _killer(death, client.send)
    body = {"provider": "openai", "prompt": f"Convite para {tenant}"}
    now_ms = SystemClock().now_ms()
    pipe.send("ready")
    pipe.recv()
    handler(post(body, authorizer={"tenantId": tenant}, requestTimeEpoch=now_ms), Context())
    pipe.send("returned")
    # The call has ended. The process waits here so that its own end is not timed.
    pipe.recv()


def _killer(death: Death, send: Send) -> Send:
    call = death.call
    table: str = getattr(get_settings(), call.table)
    matching: list[str] = []

    def send_or_die(request: Request) -> Response:
        matches = request.operation == call.operation and json.dumps(table) in request.body.decode()
        if matches:
            matching.append(request.operation)
        dies = matches and len(matching) == call.occurrence
        if dies and death.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        response = send(request)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    return send_or_die
