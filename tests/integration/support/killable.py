"""A call in a process of its own, which is killed where a test says so: the real handler, against the stack's AWS.

The processes are forked from a server that has imported what a warm function has, and no more: no embedded AWS, no
threads, no clients.
"""

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
from nexus_ai.providers.base import ProviderName
from nexus_ai.providers.registry import get_provider
from tests.integration.support.pipeline import welcome
from tests.unit.http.http_events import Context, post

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, "openai", "anthropic"])
STUCK_S = 60


@dataclass(frozen=True)
class Death:
    """The process kills itself at a call of AWS whose body holds the text: before it is sent or after its answer."""

    when: Literal["before", "after"]
    operation: str
    text: str


class Call:
    """One request for copy of a tenant, on its way in another process."""

    def __init__(self, stack: LocalStack, tenant: str, death: Death | None) -> None:
        welcome(stack, tenant)
        here, there = PROCESSES.Pipe()
        environment = dict(os.environ) | {"AWS_ENDPOINT_URL": stack.aws.serve()}
        self._process = PROCESSES.Process(target=_run, args=(there, environment, tenant, death))
        self._process.start()
        self._pipe = here
        there.close()

    def begin(self) -> None:
        """Returns when the process is about to call the handler."""
        self._told("ready")
        self._pipe.send("go")

    def killed_after(self, delay_s: float) -> bool:
        """Kills it at that time; False where it had answered before."""
        in_time = not self._pipe.poll(delay_s)
        self._process.kill()
        self._process.join(STUCK_S)
        return in_time

    def dies(self) -> None:
        """Returns when it has killed itself."""
        self._process.join(STUCK_S)
        assert self._process.exitcode == -signal.SIGKILL

    def close(self) -> None:
        self._process.kill()
        self._process.join(STUCK_S)
        self._process.close()
        self._pipe.close()

    def _told(self, expected: str) -> None:
        assert self._pipe.poll(STUCK_S), f"the process never came to {expected!r}"
        assert self._pipe.recv() == expected


@contextmanager
def call(stack: LocalStack, tenant: str, death: Death | None = None) -> Generator[Call]:
    subject = Call(stack, tenant, death)
    try:
        yield subject
    finally:
        subject.close()


def _run(pipe: Connection, environment: dict[str, str], tenant: str, death: Death | None) -> None:
    os.environ.clear()
    os.environ.update(environment)
    # What a warm function has: what is timed, and killed, is the call.
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
    pipe.send("answered")
    # Its end is no part of the call.
    pipe.recv()


def _killer(death: Death, send: Send) -> Send:
    def strike(request: Request) -> Response:
        meant = request.operation == death.operation and death.text in request.body.decode()
        if meant and death.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = send(request)
        if meant:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return strike
