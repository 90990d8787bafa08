"""What each adapter makes of a vendor that is late, silent, gone, elsewhere or without end."""

import socket
import threading
from collections.abc import Callable
from itertools import repeat
from typing import Final

import pytest

from nexus_ai.net.response_body import MAX_BODY_BYTES
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.contract.adapters import BASE_PATHS, KEY, Called, called_at
from tests.contract.wire import Payload, Play, Wire, answers, drips, holds, leaves, payload, resets, streams

# Of a vendor that answers late, whose answer would come in many minutes or never.
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
    """An address where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def connected(called: Called, vendor: Wire) -> Called:
    """Whose SDK is loaded and whose connection is open, so that all of a short time is the vendor's."""
    vendor.plays(answers(payload(called.name, "text")))
    called.complete()
    return called


def test_a_vendor_that_never_answers_is_a_timeout(connected: Called, vendor: Wire) -> None:
    vendor.plays(holds())

    failure = connected.failure(timeout_s=SHORT_S)

    assert (failure.kind, failure.sent, failure.status) == (FailureKind.TIMEOUT, True, None)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("in_head", [False, True], ids=["body", "head"])
def test_a_vendor_that_drips_is_a_timeout_though_no_read_is_late(
    connected: Called, vendor: Wire, in_head: bool
) -> None:
    vendor.plays(drips(payload(connected.name, "text"), in_head=in_head))

    failure = connected.failure(timeout_s=SHORT_S)

    assert (failure.kind, failure.sent) == (FailureKind.TIMEOUT, True)
    assert len(vendor.asked) == 1


def test_after_a_timeout_the_next_call_has_all_of_its_own_time(connected: Called, vendor: Wire) -> None:
    said = payload(connected.name, "text")
    vendor.plays(drips(said))
    connected.failure(timeout_s=SHORT_S)

    vendor.plays(answers(said))
    assert connected.complete().text == said.expect["text"]
    vendor.plays(holds())
    assert connected.failure(timeout_s=SHORT_S).kind is FailureKind.TIMEOUT


def test_a_call_without_time_is_not_sent(called: Called, vendor: Wire) -> None:
    vendor.plays(answers(payload(called.name, "text")))

    failure = called.failure(timeout_s=0)

    assert failure.kind in {FailureKind.TIMEOUT, FailureKind.UNREACHABLE}
    assert failure.sent is False
    assert vendor.asked == ()


@pytest.mark.parametrize("ends", [resets, leaves])
@pytest.mark.parametrize(
    "after", [b"", b"HTTP/1.1 200 Said\r\ncontent-le", b"HTTP/1.1 200 Said\r\ncontent-length: 9\r\n\r\n{"]
)
def test_a_connection_that_breaks_is_a_reset_that_was_sent(
    called: Called, vendor: Wire, ends: Callable[..., Play], after: bytes
) -> None:
    vendor.plays(ends(after=after))

    failure = called.failure()

    assert (failure.kind, failure.sent) == (FailureKind.RESET, True)
    assert len(vendor.asked) == 1


def test_a_vendor_that_speaks_no_http_is_a_reset(called: Called, vendor: Wire) -> None:
    vendor.plays(leaves(after=b"SSH-2.0-OpenSSH_9.2\r\n"))

    assert called.failure().kind is FailureKind.RESET


def test_a_vendor_that_refuses_the_connection_is_unreachable_and_was_sent_nothing(
    name: ProviderName, closed_port: str
) -> None:
    failure = called_at(closed_port, name).failure()

    assert (failure.kind, failure.sent, failure.status) == (FailureKind.UNREACHABLE, False, None)


def test_a_vendor_whose_connections_are_not_taken_is_unreachable(name: ProviderName) -> None:
    """The queue of a listener that never accepts is full, so that the kernel leaves further connections waiting."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(address)

        failure = called_at(f"http://127.0.0.1:{address[1]}", name).failure(timeout_s=SHORT_S)

    assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)


def test_a_host_whose_name_is_looked_up_without_end_is_unreachable(
    name: ProviderName, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = threading.Event()
    look_up = socket.getaddrinfo

    def slow(host: str, *args: object, **options: object) -> object:
        if host == "vendor.example":
            tested.wait()
            raise socket.gaierror
        return look_up(host, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        failure = called_at("http://vendor.example", name).failure(timeout_s=SHORT_S)
    finally:
        tested.set()

    assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)


def test_a_kept_connection_that_the_vendor_has_closed_costs_no_call(called: Called, vendor: Wire) -> None:
    said = payload(called.name, "text")
    vendor.plays(answers(said))
    called.complete()
    vendor.end_connections()

    assert called.complete().text == said.expect["text"]
    assert len(vendor.asked) == 2


@every_redirect
def test_a_redirect_is_a_failure_and_its_target_never_hears_of_the_call(
    called: Called, vendor: Wire, status: int
) -> None:
    with Wire() as elsewhere:
        elsewhere.plays(answers(payload(called.name, "text")))
        vendor.plays(answers(Payload(status, {"location": elsewhere.url + BASE_PATHS[called.name]}, b"", {})))

        failure = called.failure()

        assert (failure.kind, failure.status) == (FailureKind.REDIRECT, status)
        assert elsewhere.asked == ()
    assert len(vendor.asked) == 1


def test_a_body_without_end_is_malformed(called: Called, vendor: Wire) -> None:
    vendor.plays(streams(payload(called.name, "text"), repeat(b" " * 65536)))

    assert called.failure().kind is FailureKind.MALFORMED


def test_the_largest_body_is_read_and_one_byte_more_is_not(called: Called, vendor: Wire) -> None:
    said = payload(called.name, "text")
    padding = MAX_BODY_BYTES - len(said.body)
    vendor.plays(streams(said, [said.body, b" " * padding]))
    assert called.complete().text == said.expect["text"]

    vendor.plays(streams(said, [said.body, b" " * (padding + 1)]))
    assert called.failure().kind is FailureKind.MALFORMED


@every_bad_key
def test_a_key_that_cannot_stand_in_a_header_is_invalid_and_nothing_is_sent(
    called: Called, vendor: Wire, key: str
) -> None:
    failure = called.failure(api_key=key)

    assert (failure.kind, failure.sent) == (FailureKind.INVALID_KEY, False)
    assert vendor.asked == ()


def test_nothing_of_the_environment_changes_a_call(
    name: ProviderName, vendor: Wire, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = payload(name, "text")
    vendor.plays(answers(said))
    called_at(vendor.url, name).complete()
    (plain,) = vendor.asked
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", *BASE_URLS):
        monkeypatch.setenv(variable, closed_port)
    for variable in AMBIENT:
        monkeypatch.setenv(variable, "ambient-secret")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", "true")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-ambient: ambient-secret")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-ambient: ambient-secret")

    vendor.plays(answers(said))
    assert called_at(vendor.url, name).complete().text == said.expect["text"]

    assert vendor.asked == (plain,)
    assert KEY in repr(plain)
