"""Test which calls may reuse an idle connection, and when none may."""

import threading
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Final

import httpx
import httpx2
import pytest

from nexus_ai.net import deadline_backend, provider_http
from nexus_ai.providers.base import FailureKind
from tests.contract.adapters import KEY, AdapterClient
from tests.contract.wire import (
    Behaviour,
    Handler,
    Payload,
    ProviderServer,
    await_delivery,
    closes,
    full_response,
    payload,
    resets,
    responds,
    sends_raw,
)

OTHER_KEY: Final = "sk-other-tenant-0123456789"


def ports(server: ProviderServer) -> list[int]:
    return [request.port for request in server.requests]


def test_connection_is_reused_for_its_own_key_only(client: AdapterClient, server: ProviderServer) -> None:
    server.set_behaviour(responds(payload(client.name, "text")))
    for key in ("sk-one", "sk-two", "sk-one", "sk-two"):
        client.complete(api_key=key)

    first, second, third, fourth = ports(server)
    assert (first, second) == (third, fourth)
    assert first != second


def test_connections_hold_only_a_digest_of_their_key() -> None:
    with provider_http.http_call(10, KEY) as one, provider_http.http_call(10, OTHER_KEY) as other:
        assert one.api_key_digest != other.api_key_digest
        assert KEY not in repr(one)


@pytest.mark.parametrize("ends", [closes, resets])
def test_connection_that_ended_while_idle_costs_no_call(
    client: AdapterClient, server: ProviderServer, ends: Callable[[], Behaviour]
) -> None:
    response = payload(client.name, "text")
    is_read = threading.Event()

    def behave(handler: Handler) -> None:
        handler.wfile.write(full_response(response))
        if len(server.requests) == 1:
            is_read.wait(5)
            ends()(handler)

    server.end_connections()
    server.set_behaviour(behave)
    client.complete()
    is_read.set()
    server.await_no_connection()

    assert client.complete().text == response.expect["text"]
    assert len(server.requests) == len(set(ports(server))) == 2


def test_error_keeps_its_connection(client: AdapterClient, server: ProviderServer) -> None:
    server.set_behaviour(responds(Payload(400, {}, b"{}", {})))
    for _ in range(3):
        client.failure()

    assert len(set(ports(server))) == 1


@pytest.mark.parametrize("stray", ["whole", "half", "one byte"])
def test_second_response_after_the_first_reaches_no_call(
    client: AdapterClient, server: ProviderServer, stray: str
) -> None:
    """Send both at once, so that the second is already read when the connection returns to the pool."""
    response, other = payload(client.name, "text"), full_response(payload(client.name, "text").with_text("stray"))
    stray_bytes = {"whole": other, "half": other[: len(other) // 2], "one byte": other[:1]}[stray]
    server.set_behaviour(sends_raw(full_response(response) + stray_bytes))

    assert [client.complete().text for _ in range(3)] == [response.expect["text"]] * 3
    assert len(set(ports(server))) == 3


def test_second_response_on_an_idle_connection_reaches_no_call(client: AdapterClient, server: ProviderServer) -> None:
    response, other = payload(client.name, "text"), payload(client.name, "text").with_text("stray")
    is_read, is_written = threading.Event(), threading.Event()

    def behave(handler: Handler) -> None:
        handler.wfile.write(full_response(response))
        is_read.wait(30)
        handler.wfile.write(full_response(other))
        await_delivery(handler)
        is_written.set()

    server.set_behaviour(behave)
    for _ in range(2):
        assert client.complete().text == response.expect["text"]
        is_read.set()
        assert is_written.wait(60)

    assert len(set(ports(server))) == 2


def test_second_response_during_the_next_call_reaches_no_other_key(
    client: AdapterClient, server: ProviderServer
) -> None:
    """Send the stray response on the first key's connection while the second key waits for its own response."""
    response, other = payload(client.name, "text"), payload(client.name, "text").with_text("stray")
    handlers: list[Handler] = []

    def behave(handler: Handler) -> None:
        handlers.append(handler)
        if len(handlers) == 2:
            handlers[0].wfile.write(full_response(other))
            await_delivery(handlers[0])
        handler.wfile.write(full_response(response))

    server.set_behaviour(behave)

    assert client.complete().text == response.expect["text"]
    assert client.complete(api_key=OTHER_KEY).text == response.expect["text"]
    assert client.complete().text == response.expect["text"]
    assert len(set(ports(server))) == 3


@pytest.mark.parametrize(("passed_s", "connections"), [(29, 1), (31, 2), (-1, 2)])
def test_idle_time_is_measured_by_the_wall_clock(
    client: AdapterClient, server: ProviderServer, monkeypatch: pytest.MonkeyPatch, passed_s: float, connections: int
) -> None:
    """Use the wall clock: a frozen function's monotonic clock stands still between two requests."""
    server.set_behaviour(responds(payload(client.name, "text")))
    wall = SimpleNamespace(now=1_800_000_000.0)
    monkeypatch.setattr(
        deadline_backend, "time", SimpleNamespace(time=lambda: wall.now, monotonic=time.monotonic, sleep=time.sleep)
    )
    client.complete(api_key=f"sk-frozen-{passed_s}")
    wall.now += passed_s
    client.complete(api_key=f"sk-frozen-{passed_s}")

    assert len(set(ports(server))) == connections


def test_evicted_pools_close_their_connections(client: AdapterClient, server: ProviderServer) -> None:
    has_left = threading.Event()

    def behave(handler: Handler) -> None:
        responds(payload(client.name, "text"))(handler)
        if len(server.requests) == 1:
            handler.client_left()
            has_left.set()

    server.set_behaviour(behave)
    for number in range(17):
        client.complete(api_key=f"sk-tenant-{number}")

    assert has_left.wait(5)


def test_broken_connection_is_not_reused(client: AdapterClient, server: ProviderServer) -> None:
    response = payload(client.name, "text")
    server.set_behaviour(sends_raw(b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n"))
    assert client.failure().kind is FailureKind.RESET
    (broken,) = ports(server)

    server.set_behaviour(responds(response))
    assert client.complete().text == response.expect["text"]
    assert broken not in ports(server)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_client_keeps_no_cookie(server: ProviderServer, library: ModuleType) -> None:
    server.set_behaviour(responds(Payload(200, {"set-cookie": "session=1; Path=/"}, b"", {})))
    with provider_http.make_client(library, ["host", "cookie"]) as client:
        for _ in range(2):
            with provider_http.http_call(10, "sk-one"):
                client.get(server.url)
        assert not client.cookies

    assert [request.headers.get("cookie") for request in server.requests] == [None, None]
