"""Connections that are kept: who may use them again, and when nobody may."""

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
from tests.contract.adapters import KEY, Called
from tests.contract.wire import (
    Handler,
    Payload,
    Play,
    Wire,
    answers,
    await_delivery,
    leaves,
    payload,
    resets,
    says,
    whole,
)

OTHER_KEY: Final = "sk-other-tenant-0123456789"


def ports(vendor: Wire) -> list[int]:
    return [request.port for request in vendor.asked]


def test_connection_is_used_again_with_its_own_key_alone(called: Called, vendor: Wire) -> None:
    vendor.plays(answers(payload(called.name, "text")))
    for key in ("sk-one", "sk-two", "sk-one", "sk-two"):
        called.complete(api_key=key)

    first, second, third, fourth = ports(vendor)
    assert (first, second) == (third, fourth)
    assert first != second


def test_connections_know_a_digest_of_their_key_alone() -> None:
    with provider_http.http_call(10, KEY) as one, provider_http.http_call(10, OTHER_KEY) as other:
        assert one.api_key_digest != other.api_key_digest
        assert KEY not in repr(one)


@pytest.mark.parametrize("ends", [leaves, resets])
def test_connection_that_ended_while_it_was_idle_costs_no_call(
    called: Called, vendor: Wire, ends: Callable[[], Play]
) -> None:
    said = payload(called.name, "text")
    is_read = threading.Event()

    def play(handler: Handler) -> None:
        handler.wfile.write(whole(said))
        if len(vendor.asked) == 1:
            is_read.wait(5)
            ends()(handler)

    vendor.end_connections()
    vendor.plays(play)
    called.complete()
    is_read.set()
    vendor.await_no_connection()

    assert called.complete().text == said.expect["text"]
    assert len(vendor.asked) == len(set(ports(vendor))) == 2


def test_error_keeps_its_connection(called: Called, vendor: Wire) -> None:
    vendor.plays(answers(Payload(400, {}, b"{}", {})))
    for _ in range(3):
        called.failure()

    assert len(set(ports(vendor))) == 1


@pytest.mark.parametrize("stray", ["whole", "half", "one byte"])
def test_second_response_behind_the_first_reaches_no_call(called: Called, vendor: Wire, stray: str) -> None:
    """Both arrive at once, so that the second is already read when the connection is given back."""
    said, other = payload(called.name, "text"), whole(payload(called.name, "text").with_text("stray"))
    behind = {"whole": other, "half": other[: len(other) // 2], "one byte": other[:1]}[stray]
    vendor.plays(says(whole(said) + behind))

    assert [called.complete().text for _ in range(3)] == [said.expect["text"]] * 3
    assert len(set(ports(vendor))) == 3


def test_second_response_while_the_connection_is_idle_reaches_no_call(called: Called, vendor: Wire) -> None:
    said, other = payload(called.name, "text"), payload(called.name, "text").with_text("stray")
    is_read, is_written = threading.Event(), threading.Event()

    def play(handler: Handler) -> None:
        handler.wfile.write(whole(said))
        is_read.wait(30)
        handler.wfile.write(whole(other))
        await_delivery(handler)
        is_written.set()

    vendor.plays(play)
    for _ in range(2):
        assert called.complete().text == said.expect["text"]
        is_read.set()
        assert is_written.wait(60)

    assert len(set(ports(vendor))) == 2


def test_second_response_during_the_next_call_reaches_no_other_key(called: Called, vendor: Wire) -> None:
    """It arrives on the first key's connection while the second key waits for its own response."""
    said, other = payload(called.name, "text"), payload(called.name, "text").with_text("stray")
    handlers: list[Handler] = []

    def play(handler: Handler) -> None:
        handlers.append(handler)
        if len(handlers) == 2:
            handlers[0].wfile.write(whole(other))
        handler.wfile.write(whole(said))

    vendor.plays(play)

    assert called.complete().text == said.expect["text"]
    assert called.complete(api_key=OTHER_KEY).text == said.expect["text"]
    assert called.complete().text == said.expect["text"]
    assert len(set(ports(vendor))) == 3


@pytest.mark.parametrize(("passed_s", "connections"), [(29, 1), (31, 2), (-1, 2)])
def test_idle_time_is_by_the_wall_clock(
    called: Called, vendor: Wire, monkeypatch: pytest.MonkeyPatch, passed_s: float, connections: int
) -> None:
    """A function is frozen between two requests: its monotonic clock stands still meanwhile."""
    vendor.plays(answers(payload(called.name, "text")))
    wall = SimpleNamespace(now=1_800_000_000.0)
    monkeypatch.setattr(
        deadline_backend, "time", SimpleNamespace(time=lambda: wall.now, monotonic=time.monotonic, sleep=time.sleep)
    )
    called.complete(api_key=f"sk-frozen-{passed_s}")
    wall.now += passed_s
    called.complete(api_key=f"sk-frozen-{passed_s}")

    assert len(set(ports(vendor))) == connections


def test_pools_are_few_and_those_that_end_close_their_connections(called: Called, vendor: Wire) -> None:
    has_left = threading.Event()

    def play(handler: Handler) -> None:
        answers(payload(called.name, "text"))(handler)
        if len(vendor.asked) == 1:
            handler.client_left()
            has_left.set()

    vendor.plays(play)
    for number in range(17):
        called.complete(api_key=f"sk-tenant-{number}")

    assert has_left.wait(5)


def test_connection_that_breaks_is_not_used_again(called: Called, vendor: Wire) -> None:
    said = payload(called.name, "text")
    vendor.plays(says(b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n"))
    assert called.failure().kind is FailureKind.RESET
    (broken,) = ports(vendor)

    vendor.plays(answers(said))
    assert called.complete().text == said.expect["text"]
    assert broken not in ports(vendor)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_client_keeps_no_cookie(vendor: Wire, library: ModuleType) -> None:
    vendor.plays(answers(Payload(200, {"set-cookie": "session=1; Path=/"}, b"", {})))
    with provider_http.make_client(library, ["host", "cookie"]) as client:
        for _ in range(2):
            with provider_http.http_call(10, "sk-one"):
                client.get(vendor.url)
        assert not client.cookies

    assert [request.headers.get("cookie") for request in vendor.asked] == [None, None]
