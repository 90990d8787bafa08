"""Serve HTTP/1.1 on one connection: read each request and carry out the behaviour that the scenario has for it."""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from local.providers.behaviours import Answer, Behaviour, Drip, Fail, Raw, Reset
from local.providers.control import control
from local.providers.formats.anthropic import Anthropic
from local.providers.formats.base import Provider, Reply, Request, Target, json_reply
from local.providers.formats.google import Google
from local.providers.formats.groq import Groq
from local.providers.formats.openai import OpenAI
from local.providers.formats.openrouter import OpenRouter
from local.providers.responses import failure_response, response_to
from local.providers.scenario import Call, Scenario, key_digest, parsed
from nexus_ai.providers.base import FailureKind

FORMATS: Final[tuple[Provider, ...]] = (OpenAI(), Anthropic(), Google(), Groq(), OpenRouter())

_KEY_HEADERS: Final = frozenset({"authorization", "x-api-key", "x-goog-api-key"})
# With SO_LINGER set to zero seconds, close() sends RST in place of FIN.
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, scenario: Scenario, request: socket.socket, client_address: Any, server: BaseServer) -> None:
        self._scenario = scenario
        super().__init__(request, client_address, server)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Log nothing: the scenario records all calls."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server looks for these names

    def _serve(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path.split("/")[1:2] == ["control"]:
            self._send(control(self._scenario, self.command, path, url.query, self._read()))
            return
        for provider in FORMATS:
            if path.startswith(f"{provider.base_path}/"):
                self._call(provider, path)
                return
        self._send(json_reply({"errors": ["No such provider."]}, status=HTTPStatus.NOT_FOUND))

    def _call(self, provider: Provider, path: str) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        target = provider.target(self.command, path.removeprefix(provider.base_path))
        behaviour = self._scenario.next_behaviour(provider.name)
        body = None if isinstance(behaviour, Reset) and behaviour.before_reading else self._read()
        self._scenario.record(self._recorded(provider, path, target, headers, body))
        self._behave(provider, Request(target, self.path, headers, body or b""), behaviour)

    def _behave(self, provider: Provider, request: Request, behaviour: Behaviour) -> None:
        match behaviour:
            case Reset() | Fail(kind=FailureKind.RESET):
                self._reset()
            case Fail(kind=FailureKind.TIMEOUT):
                self._client_left(within_s=None)
            case Fail():
                self._send(failure_response(provider, request, behaviour))
            case Raw():
                self._send(Reply(behaviour.status, behaviour.body, behaviour.headers))
            case Drip():
                self._drip(response_to(provider, request, behaviour.answer), behaviour.pause_s)
            case Answer():
                reply = response_to(provider, request, behaviour)
                if not (behaviour.delay_s and self._client_left(within_s=behaviour.delay_s)):
                    self._send(reply)

    def _recorded(
        self, provider: Provider, path: str, target: Target, headers: Mapping[str, str], body: bytes | None
    ) -> Call:
        key = provider.api_key(headers)
        content = parsed(body)
        return Call(
            provider=provider.name,
            method=self.command,
            path=path,
            operation=target.operation,
            model=target.model or _model_in(content),
            headers={name: value for name, value in headers.items() if name not in _KEY_HEADERS},
            key_sha256=key_digest(key),
            key_last4=key[-4:],
            body=content,
            at_ms=time.time_ns() // 1_000_000,
        )

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _send(self, reply: Reply) -> None:
        """Write head and body at once, so that they are one packet."""
        self.wfile.write(self._head(reply) + reply.body)

    def _head(self, reply: Reply) -> bytes:
        lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}", f"date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += [f"content-length: {len(reply.body)}", "x-simulated: true"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _drip(self, reply: Reply, pause_s: float) -> None:
        self.wfile.write(self._head(reply))
        for at in range(len(reply.body)):
            if self._client_left(within_s=pause_s):
                return
            self.wfile.write(reply.body[at : at + 1])

    def _client_left(self, within_s: float | None) -> bool:
        """Wait, and return True as soon as the client or the stopping server closes the connection."""
        readable, _, _ = select.select([self.connection], [], [], within_s)
        self.close_connection = bool(readable)
        return bool(readable)

    def _reset(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.rfile.close()
        self.connection.close()


def _model_in(content: Any) -> str | None:
    try:
        return str(content["model"])
    except (KeyError, TypeError, IndexError):
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Simulated"
