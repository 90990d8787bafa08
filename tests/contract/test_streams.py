"""Streams through each SDK: the call's deadline, its failures and its connections hold as for whole responses."""

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
from tests.contract.wire import Handler, Payload, Play, Wire, answers, drips, holds, leaves, resets

SHORT_S: Final = 0.1
OTHER_KEY: Final = "sk-other-tenant-0123456789"

pytestmark = pytest.mark.usefixtures("operator")


def streamed(name: ProviderName, *, key: str = KEY, timeout_s: float = 10) -> list[str]:
    """A whole stream, its errors classified by the adapter as those of a whole response."""
    classified = import_module(REGISTRY[name].module)._map_api_errors
    with provider_call(timeout_s, key), classified():
        return list(texts(name, key))


def failure_of(name: ProviderName, *, timeout_s: float = 10) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        streamed(name, timeout_s=timeout_s)
    return caught.value


def test_stream_arrives_whole_and_unchanged(vendor: Wire, name: ProviderName) -> None:
    said = ["Olá", ' ☕\n\n"', "👩🏽‍💻 {{nome}} \\", "\u2028data: [DONE]\n"]
    vendor.plays(streams_texts(name, *said))

    assert [streamed(name) for _ in range(2)] == [said] * 2


def test_delta_arrives_before_the_next_is_sent(vendor: Wire, name: ProviderName) -> None:
    arrived = threading.Event()
    in_time: list[bool] = []

    def play(handler: Handler) -> None:
        handler.wfile.write(HEAD + delta(name, "um"))
        in_time.append(arrived.wait(5))
        handler.wfile.write(delta(name, "dois") + done(name) + END)

    vendor.plays(play)
    read: list[str] = []
    with provider_call(10, KEY):
        for text in texts(name, KEY):
            read.append(text)
            arrived.set()

    assert (read, in_time) == (["um", "dois"], [True])


def deadline_passes_within(name: ProviderName) -> ProviderFailure:
    """What comes of a stream whose deadline comes shortly after its first delta."""

    def read() -> None:
        with provider_call(3600, KEY):
            for _ in texts(name, KEY):
                call = current_call.get()
                call.deadline = min(call.deadline, time.monotonic() + SHORT_S)

    with pytest.raises(ProviderFailure) as caught:
        read()
    return caught.value


def test_endless_stream_ends_at_the_deadline(vendor: Wire, name: ProviderName) -> None:
    def play(handler: Handler) -> None:
        handler.wfile.write(HEAD)
        while not handler.client_left(within_s=0.01):
            handler.wfile.write(delta(name, "mais"))

    vendor.plays(play)
    failure = deadline_passes_within(name)

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.TIMEOUT, 200, True)


def test_stream_that_stops_ends_at_the_deadline(vendor: Wire, name: ProviderName) -> None:
    vendor.plays(holds(after=HEAD + delta(name, "um")))

    failure = deadline_passes_within(name)

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.TIMEOUT, 200, True)


@pytest.mark.parametrize("ends", [leaves, resets])
def test_cut_stream_is_a_reset(vendor: Wire, name: ProviderName, ends: Callable[..., Play]) -> None:
    vendor.plays(ends(after=HEAD + delta(name, "um")[:-5]))

    failure = failure_of(name)

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.RESET, 200, True)


@pytest.mark.parametrize("body", [answers, drips])
def test_error_in_place_of_a_stream_keeps_its_status(
    vendor: Wire, name: ProviderName, monkeypatch: pytest.MonkeyPatch, body: Callable[[Payload], Play]
) -> None:
    monkeypatch.setattr(provider_http, "ERROR_BODY_TIMEOUT_S", 0.05)
    vendor.plays(body(Payload(429, {"retry-after": "7", "content-type": "application/json"}, b"{}", {})))

    failure = failure_of(name, timeout_s=3600)

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.RATE_LIMITED, 429, True)
    assert failure.retry_after_s == 7


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "forgotten"])
def test_server_of_a_stream_that_is_left_early_is_left(vendor: Wire, name: ProviderName, is_closed: bool) -> None:
    has_left = threading.Event()

    def play(handler: Handler) -> None:
        handler.wfile.write(HEAD + delta(name, "um"))
        handler.client_left()
        has_left.set()

    vendor.plays(play)
    with provider_call(10, KEY):
        stream = texts(name, KEY)
        assert next(stream) == "um"
        if is_closed:
            stream.close()

    assert has_left.wait(5)
    vendor.plays(streams_texts(name, "outro"))
    assert streamed(name) == ["outro"]


def test_stream_ends_with_the_block_of_its_call(vendor: Wire, name: ProviderName) -> None:
    vendor.plays(holds(after=HEAD + delta(name, "um")))
    with provider_call(3600, KEY):
        stream = texts(name, KEY)
        next(stream)

    with pytest.raises(Exception):  # noqa: B017, PT011 (the SDK's own)
        next(stream)


def test_streams_of_two_keys_share_no_connection(vendor: Wire, name: ProviderName) -> None:
    """What arrives on the connection of the first behind its end does not reach the second."""
    stray = streams_texts(name, "stray")
    handlers: list[Handler] = []

    def play(handler: Handler) -> None:
        handlers.append(handler)
        if len(handlers) == 2:
            # One SDK closes its connection with the last event.
            with suppress(OSError, ValueError):
                stray(handlers[0])
        streams_texts(name, f"{len(handlers)}")(handler)

    vendor.plays(play)

    assert [streamed(name, key=key) for key in (KEY, OTHER_KEY, KEY)] == [["1"], ["2"], ["3"]]
    assert len({request.port for request in vendor.asked}) == 3


def test_stream_and_calls_side_by_side_do_not_mix(vendor: Wire, name: ProviderName) -> None:
    """Two streams of one key are open at once, and are read by turns."""
    numbers = iter(range(2))

    def play(handler: Handler) -> None:
        number = next(numbers)
        streams_texts(name, *(f"{number}.{part}" for part in range(50)))(handler)

    vendor.plays(play)
    with provider_call(10, KEY):
        first = texts(name, KEY)
        began = [next(first)]
        with provider_call(10, KEY):
            second = list(texts(name, KEY))
        began += first

    assert began == [f"0.{part}" for part in range(50)]
    assert second == [f"1.{part}" for part in range(50)]
