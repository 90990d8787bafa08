"""Test that deadlines, failures and connections of a stream behave as those of a complete response."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Final

import pytest

from nexus_ai.net import provider_http
from nexus_ai.net.deadline_backend import current_call
from nexus_ai.providers.base import FailureKind, ProviderFailure, ProviderName
from nexus_ai.providers.registry import REGISTRY
from nexus_ai.providers.transport import provider_call
from tests.contract.adapters import KEY
from tests.contract.streams import END, HEAD, delta, done, streams_texts, texts
from tests.contract.wire import Behaviour, Handler, Payload, ProviderServer, closes, drips, hangs, resets, responds

SHORT_S: Final = 0.1
OTHER_KEY: Final = "sk-other-tenant-0123456789"

pytestmark = pytest.mark.usefixtures("provider_settings")


def streamed(name: ProviderName, *, key: str = KEY, timeout_s: float = 10) -> list[str]:
    """Return the texts of a complete stream; the adapter classifies its errors."""
    classified = import_module(REGISTRY[name].module)._map_api_errors
    with provider_call(timeout_s, key), classified():
        return list(texts(name, key))


def failure_of(name: ProviderName, *, timeout_s: float = 10) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        streamed(name, timeout_s=timeout_s)
    return caught.value


def test_stream_arrives_complete_and_unchanged(server: ProviderServer, name: ProviderName) -> None:
    expected = ["Olá", ' ☕\n\n"', "👩🏽‍💻 {{nome}} \\", "\u2028data: [DONE]\n"]
    server.set_behaviour(streams_texts(name, *expected))

    assert [streamed(name) for _ in range(2)] == [expected] * 2


def test_delta_arrives_before_the_next_is_sent(server: ProviderServer, name: ProviderName) -> None:
    arrived = threading.Event()
    in_time: list[bool] = []

    def behave(handler: Handler) -> None:
        handler.wfile.write(HEAD + delta(name, "um"))
        in_time.append(arrived.wait(5))
        handler.wfile.write(delta(name, "dois") + done(name) + END)

    server.set_behaviour(behave)
    read: list[str] = []
    with provider_call(10, KEY):
        for text in texts(name, KEY):
            read.append(text)
            arrived.set()

    assert (read, in_time) == (["um", "dois"], [True])


def deadline_passes_within(name: ProviderName) -> ProviderFailure:
    """Return the failure of a stream whose deadline comes shortly after its first delta."""

    def read() -> None:
        with provider_call(3600, KEY):
            for _ in texts(name, KEY):
                call = current_call.get()
                call.deadline = min(call.deadline, time.monotonic() + SHORT_S)

    with pytest.raises(ProviderFailure) as caught:
        read()
    return caught.value


def test_endless_stream_ends_at_the_deadline(server: ProviderServer, name: ProviderName) -> None:
    def behave(handler: Handler) -> None:
        handler.wfile.write(HEAD)
        while not handler.client_left(within_s=0.01):
            handler.wfile.write(delta(name, "mais"))

    server.set_behaviour(behave)
    failure = deadline_passes_within(name)

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.TIMEOUT, 200, True)


def test_stalled_stream_ends_at_the_deadline(server: ProviderServer, name: ProviderName) -> None:
    server.set_behaviour(hangs(after=HEAD + delta(name, "um")))

    failure = deadline_passes_within(name)

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.TIMEOUT, 200, True)


@pytest.mark.parametrize("ends", [closes, resets])
def test_cut_stream_is_a_reset(server: ProviderServer, name: ProviderName, ends: Callable[..., Behaviour]) -> None:
    server.set_behaviour(ends(after=HEAD + delta(name, "um")[:-5]))

    failure = failure_of(name)

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.RESET, 200, True)


@pytest.mark.parametrize("body", [responds, drips])
def test_error_instead_of_a_stream_keeps_its_status(
    server: ProviderServer, name: ProviderName, monkeypatch: pytest.MonkeyPatch, body: Callable[[Payload], Behaviour]
) -> None:
    monkeypatch.setattr(provider_http, "ERROR_BODY_TIMEOUT_S", 0.05)
    server.set_behaviour(body(Payload(429, {"retry-after": "7", "content-type": "application/json"}, b"{}", {})))

    failure = failure_of(name, timeout_s=3600)

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.RATE_LIMITED, 429, True)
    assert failure.retry_after_s == 7


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "forgotten"])
def test_abandoned_stream_closes_its_connection(server: ProviderServer, name: ProviderName, is_closed: bool) -> None:
    has_left = threading.Event()

    def behave(handler: Handler) -> None:
        handler.wfile.write(HEAD + delta(name, "um"))
        handler.client_left()
        has_left.set()

    server.set_behaviour(behave)
    with provider_call(10, KEY):
        stream = texts(name, KEY)
        assert next(stream) == "um"
        if is_closed:
            stream.close()

    assert has_left.wait(5)
    server.set_behaviour(streams_texts(name, "outro"))
    assert streamed(name) == ["outro"]


def test_stream_ends_with_its_call(server: ProviderServer, name: ProviderName) -> None:
    server.set_behaviour(hangs(after=HEAD + delta(name, "um")))
    with provider_call(3600, KEY):
        stream = texts(name, KEY)
        next(stream)

    with pytest.raises(Exception):  # noqa: B017, PT011 (the SDK's own)
        next(stream)


def test_streams_of_two_keys_share_no_connection(server: ProviderServer, name: ProviderName) -> None:
    """Test that stray bytes after the end of the first stream do not reach the second."""
    stray = streams_texts(name, "stray")
    handlers: list[Handler] = []

    def behave(handler: Handler) -> None:
        handlers.append(handler)
        if len(handlers) == 2:
            # One SDK closes its connection with the last event.
            with suppress(OSError, ValueError):
                stray(handlers[0])
        streams_texts(name, f"{len(handlers)}")(handler)

    server.set_behaviour(behave)

    assert [streamed(name, key=key) for key in (KEY, OTHER_KEY, KEY)] == [["1"], ["2"], ["3"]]
    assert len({request.port for request in server.requests}) == 3


def test_concurrent_streams_do_not_mix(server: ProviderServer, name: ProviderName) -> None:
    """Open two streams of one key at once and read them in turns."""
    numbers = iter(range(2))

    def behave(handler: Handler) -> None:
        number = next(numbers)
        streams_texts(name, *(f"{number}.{part}" for part in range(50)))(handler)

    server.set_behaviour(behave)
    with provider_call(10, KEY):
        first = texts(name, KEY)
        first_texts = [next(first)]
        with provider_call(10, KEY):
            second = list(texts(name, KEY))
        first_texts += first

    assert first_texts == [f"0.{part}" for part in range(50)]
    assert second == [f"1.{part}" for part in range(50)]
