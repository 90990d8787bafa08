"""Test each adapter with a provider that is late, silent, unreachable, redirecting or endless."""

import socket
import threading
from collections.abc import Callable
from itertools import repeat
from typing import Final

import pytest

from nexus_ai.net.response_body import MAX_BODY_BYTES
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.contract.adapters import BASE_PATHS, KEY, AdapterClient, client_at
from tests.contract.wire import (
    Behaviour,
    Payload,
    ProviderServer,
    closes,
    drips,
    hangs,
    payload,
    resets,
    responds,
    sends_chunks,
)

# Timeout of a call whose response would take minutes or never arrive.
SHORT_S: Final = 0.3
BASE_URLS: Final = (
    "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "GROQ_BASE_URL", "OPENROUTER_BASE_URL"
)  # fmt: skip
AMBIENT: Final = (
    "OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN",
    "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GROQ_API_KEY",
    "OPENROUTER_API_KEY",
)  # fmt: skip

every_redirect = pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
every_bad_key = pytest.mark.parametrize("key", ["", " ", "a\r\nx-injected: 1", "a\x00b", "chavé", "sk-☕"])


@pytest.fixture
def closed_port() -> str:
    """Return the URL of a port on which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def connected(client: AdapterClient, server: ProviderServer) -> AdapterClient:
    """Return an adapter with a loaded SDK and an open connection, so that a short timeout covers the provider alone."""
    server.set_behaviour(responds(payload(client.name, "text")))
    client.complete()
    return client


def test_silent_provider_is_a_timeout(connected: AdapterClient, server: ProviderServer) -> None:
    server.set_behaviour(hangs())

    failure = connected.failure(timeout_s=SHORT_S)

    assert (failure.kind, failure.sent, failure.status) == (FailureKind.TIMEOUT, True, None)
    assert len(server.requests) == 1


@pytest.mark.parametrize("in_head", [False, True], ids=["body", "head"])
def test_dripping_provider_is_a_timeout(connected: AdapterClient, server: ProviderServer, in_head: bool) -> None:
    server.set_behaviour(drips(payload(connected.name, "text"), in_head=in_head))

    failure = connected.failure(timeout_s=SHORT_S)

    assert (failure.kind, failure.sent) == (FailureKind.TIMEOUT, True)
    assert len(server.requests) == 1


def test_call_after_a_timeout_has_its_full_time(connected: AdapterClient, server: ProviderServer) -> None:
    response = payload(connected.name, "text")
    server.set_behaviour(drips(response))
    connected.failure(timeout_s=SHORT_S)

    server.set_behaviour(responds(response))
    assert connected.complete().text == response.expect["text"]
    server.set_behaviour(hangs())
    assert connected.failure(timeout_s=SHORT_S).kind is FailureKind.TIMEOUT


def test_call_without_time_is_not_sent(client: AdapterClient, server: ProviderServer) -> None:
    server.set_behaviour(responds(payload(client.name, "text")))

    failure = client.failure(timeout_s=0)

    assert failure.kind in {FailureKind.TIMEOUT, FailureKind.UNREACHABLE}
    assert failure.sent is False
    assert server.requests == ()


@pytest.mark.parametrize("ends", [resets, closes])
@pytest.mark.parametrize(
    "after", [b"", b"HTTP/1.1 200 Said\r\ncontent-le", b"HTTP/1.1 200 Said\r\ncontent-length: 9\r\n\r\n{"]
)
def test_broken_connection_is_a_sent_reset(
    client: AdapterClient, server: ProviderServer, ends: Callable[..., Behaviour], after: bytes
) -> None:
    server.set_behaviour(ends(after=after))

    failure = client.failure()

    assert (failure.kind, failure.sent) == (FailureKind.RESET, True)
    assert len(server.requests) == 1


def test_other_protocol_than_http_is_a_reset(client: AdapterClient, server: ProviderServer) -> None:
    server.set_behaviour(closes(after=b"SSH-2.0-OpenSSH_9.2\r\n"))

    assert client.failure().kind is FailureKind.RESET


def test_refused_connection_is_unreachable_and_unsent(name: ProviderName, closed_port: str) -> None:
    failure = client_at(closed_port, name).failure()

    assert (failure.kind, failure.sent, failure.status) == (FailureKind.UNREACHABLE, False, None)


def test_connection_that_is_not_accepted_is_unreachable(name: ProviderName) -> None:
    """Fill the queue of a listener that never accepts, so that the kernel keeps further connections waiting."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(address)

        failure = client_at(f"http://127.0.0.1:{address[1]}", name).failure(timeout_s=SHORT_S)

    assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)


def test_endless_name_lookup_is_unreachable(name: ProviderName, monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    look_up = socket.getaddrinfo

    def slow(host: str, *args: object, **options: object) -> object:
        if host == "provider.example":
            is_over.wait()
            raise socket.gaierror
        return look_up(host, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        failure = client_at("http://provider.example", name).failure(timeout_s=SHORT_S)
    finally:
        is_over.set()

    assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)


def test_idle_connection_closed_by_the_provider_costs_no_call(client: AdapterClient, server: ProviderServer) -> None:
    response = payload(client.name, "text")
    server.set_behaviour(responds(response))
    client.complete()
    server.end_connections()

    assert client.complete().text == response.expect["text"]
    assert len(server.requests) == 2


@every_redirect
def test_redirect_is_a_failure_and_is_not_followed(client: AdapterClient, server: ProviderServer, status: int) -> None:
    with ProviderServer() as elsewhere:
        elsewhere.set_behaviour(responds(payload(client.name, "text")))
        server.set_behaviour(responds(Payload(status, {"location": elsewhere.url + BASE_PATHS[client.name]}, b"", {})))

        failure = client.failure()

        assert (failure.kind, failure.status) == (FailureKind.REDIRECT, status)
        assert elsewhere.requests == ()
    assert len(server.requests) == 1


def test_endless_body_is_malformed(client: AdapterClient, server: ProviderServer) -> None:
    server.set_behaviour(sends_chunks(payload(client.name, "text"), repeat(b" " * 65536)))

    assert client.failure().kind is FailureKind.MALFORMED


def test_largest_body_is_read_and_one_byte_more_is_not(client: AdapterClient, server: ProviderServer) -> None:
    response = payload(client.name, "text")
    padding = MAX_BODY_BYTES - len(response.body)
    server.set_behaviour(sends_chunks(response, [response.body, b" " * padding]))
    assert client.complete().text == response.expect["text"]

    server.set_behaviour(sends_chunks(response, [response.body, b" " * (padding + 1)]))
    assert client.failure().kind is FailureKind.MALFORMED


@every_bad_key
def test_key_unfit_for_a_header_is_invalid_and_unsent(client: AdapterClient, server: ProviderServer, key: str) -> None:
    failure = client.failure(api_key=key)

    assert (failure.kind, failure.sent) == (FailureKind.INVALID_KEY, False)
    assert server.requests == ()


def test_environment_changes_no_call(
    name: ProviderName, server: ProviderServer, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = payload(name, "text")
    server.set_behaviour(responds(response))
    client_at(server.url, name).complete()
    (plain,) = server.requests
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", *BASE_URLS):
        monkeypatch.setenv(variable, closed_port)
    for variable in AMBIENT:
        monkeypatch.setenv(variable, "ambient-secret")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", "true")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-ambient: ambient-secret")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-ambient: ambient-secret")

    server.set_behaviour(responds(response))
    assert client_at(server.url, name).complete().text == response.expect["text"]

    assert server.requests == (plain,)
    assert KEY in repr(plain)
