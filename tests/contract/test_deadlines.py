"""Test that one deadline covers a whole call, and that `sent` is right wherever the server stops."""

import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Final

import httpx
import httpx2
import pytest

from nexus_ai.net.provider_http import TransportFailure, http_call, make_client
from nexus_ai.providers.base import FailureKind, Message, ProviderName
from tests.contract.adapters import PROMPT, client_at
from tests.contract.wire import full_response, payload
from tests.integration.support.certificates import certified, server_context

SHORT_S: Final = 0.3
LARGE: Final = PROMPT.model_copy(update={"messages": (Message(role="user", text="x" * 8_000_000),)})
one_of_each_library = pytest.mark.parametrize("name", [ProviderName.OPENAI, ProviderName.GROQ], indirect=True)
type Serve = Callable[[socket.socket], None]


@contextmanager
def listening(serve: Serve, host: str = "127.0.0.1", receive_buffer: int | None = None) -> Generator[str]:
    """Run a server that calls `serve` for every connection, each in its own thread, until the block ends."""
    with socket.socket() as listener:
        if receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind((host, 0))
        listener.listen()
        threads: list[threading.Thread] = []
        connections: list[socket.socket] = []

        def handle(connection: socket.socket) -> None:
            # A second descriptor can end the connection even if `serve` has closed the first.
            with connection, connection.dup() as other:
                connections.append(other)
                try:
                    serve(connection)
                except OSError:
                    """The client has closed the connection."""
                finally:
                    connections.remove(other)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=handle, args=(connection,)))
                threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield f"{host}:{listener.getsockname()[1]}"
        finally:
            for each in (listener, *connections):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)


def read_until_closed(connection: socket.socket) -> None:
    while connection.recv(65_536):
        """Send nothing."""


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return a server's context; its authority is the only trusted one."""
    file = certified(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return server_context(file)


def encrypted(context: ssl.SSLContext, serve: Serve) -> Serve:
    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inside:
            serve(inside)

    return handle


def receive_request(connection: socket.socket) -> bool:
    """Read a request with a JSON body; return False if the client has closed the connection."""
    request = b""
    while not request.endswith(b"}"):
        received = connection.recv(65_536)
        if not received:
            return False
        request += received
    return True


def respond(connection: socket.socket, body: bytes) -> bool:
    """Read a request and send a response with this body; return False if the client has closed the connection."""
    if not receive_request(connection):
        return False
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return True


def responding(body: bytes) -> Serve:
    def handle(connection: socket.socket) -> None:
        while respond(connection, body):
            """The next request."""

    return handle


def dripping(connection: socket.socket) -> None:
    drip(connection, after=b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")


def dripping_handshake(connection: socket.socket) -> None:
    """Announce a record of 16 KB that never ends."""
    drip(connection, after=b"\x16\x03\x03\x40\x00")


def drip(connection: socket.socket, after: bytes) -> None:
    """Send a byte every 20 ms until the client closes the connection."""
    connection.recv(65_536)
    connection.sendall(after)
    connection.settimeout(0.02)
    while True:
        connection.sendall(b" ")
        try:
            if not connection.recv(65_536):
                return
        except TimeoutError:
            """The client is still there."""


def test_encrypted_call_succeeds(name: ProviderName, certificate: ssl.SSLContext) -> None:
    response = payload(name, "text")
    with listening(encrypted(certificate, responding(response.body))) as netloc:
        client = client_at(f"https://{netloc}", name)
        assert [client.complete().text for _ in range(2)] == [response.expect["text"]] * 2


@pytest.mark.parametrize("records", [1, 2])
def test_second_encrypted_response_reaches_no_call(
    name: ProviderName, certificate: ssl.SSLContext, records: int
) -> None:
    """Send both responses in one TCP segment: in one TLS record, or in one record each."""
    response, other = payload(name, "text"), payload(name, "text").with_text("stray")
    ports: set[int] = set()

    def twice(connection: socket.socket) -> None:
        ports.add(connection.getpeername()[1])
        while receive_request(connection):
            pieces = [full_response(response), full_response(other)]
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            for piece in pieces if records == 2 else [b"".join(pieces)]:
                connection.sendall(piece)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    with listening(encrypted(certificate, twice)) as netloc:
        client = client_at(f"https://{netloc}", name)
        assert [client.complete().text for _ in range(3)] == [response.expect["text"]] * 3
    assert len(ports) == 3


@pytest.mark.parametrize(
    "serve", [read_until_closed, dripping_handshake, socket.socket.close], ids=["hangs", "drips", "closes"]
)
def test_server_without_a_handshake_is_unreachable(
    name: ProviderName, certificate: ssl.SSLContext, serve: Serve
) -> None:
    with listening(serve) as netloc:
        failure = client_at(f"https://{netloc}", name).failure(timeout_s=SHORT_S)

    assert (failure.kind, failure.sent, failure.status) == (FailureKind.UNREACHABLE, False, None)


@pytest.mark.parametrize(("address", "is_known"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_untrusted_server_receives_nothing(
    name: ProviderName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, is_known: bool
) -> None:
    file = certified(tmp_path, address)
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    received_bytes: list[bytes] = []
    with listening(
        encrypted(server_context(file), lambda connection: received_bytes.append(connection.recv(1)))
    ) as netloc:
        failure = client_at(f"https://{netloc}", name).failure()

    assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)
    assert not any(received_bytes)


@pytest.mark.parametrize("late", [read_until_closed, dripping], ids=["hangs", "drips"])
def test_encrypted_call_ends_at_its_deadline(name: ProviderName, certificate: ssl.SSLContext, late: Serve) -> None:
    response = payload(name, "text")

    def serve(connection: socket.socket) -> None:
        respond(connection, response.body)
        late(connection)

    with listening(encrypted(certificate, serve)) as netloc:
        client = client_at(f"https://{netloc}", name)
        client.complete()
        failure = client.failure(timeout_s=SHORT_S)

    assert (failure.kind, failure.sent) == (FailureKind.TIMEOUT, True)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_slow_reader_does_not_outlast_the_deadline(
    library: ModuleType, certificate: ssl.SSLContext, scheme: str
) -> None:
    """Read a part of the request every 20 ms, so that each single write is in time."""
    is_over = threading.Event()
    read: list[int] = []

    def read_slowly(connection: socket.socket) -> None:
        while not is_over.wait(0.02):
            read.extend(len(connection.recv(16_384)) for _ in range(16))

    serve = encrypted(certificate, read_slowly) if scheme == "https" else read_slowly
    client = make_client(library, ["host", "content-length"])
    with listening(serve, receive_buffer=262_144) as netloc:
        with http_call(0.5, "sk-one") as call, pytest.raises(Exception, match=r"deadline|timed out"):
            client.post(f"{scheme}://{netloc}", content=b"x" * 16_000_000)
        is_over.set()

    assert (call.failure, call.sent) == (TransportFailure.TIMEOUT, True)
    # The server cannot read more within its time. Anything sent after it would be the rest of the request.
    assert sum(read) < 8_000_000


def test_response_sent_before_the_request_is_read_counts(name: ProviderName) -> None:
    refused = threading.Event()

    def refuse(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        connection.shutdown(socket.SHUT_WR)
        refused.set()

    with listening(refuse) as netloc:
        failure = client_at(f"http://{netloc}", name).failure(LARGE)

    assert refused.is_set()
    assert (failure.kind, failure.status, failure.sent) == (FailureKind.CONTEXT_TOO_LONG, 413, True)


@one_of_each_library
@pytest.mark.parametrize("first", ["refuses", "hangs"])
def test_next_address_of_a_host_is_tried_in_time(
    name: ProviderName, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    response = payload(name, "text")
    look_up = socket.getaddrinfo
    with listening(responding(response.body)) as netloc, socket.socket() as dead:
        port = int(netloc.rpartition(":")[2])
        dead.bind(("127.0.0.2", port))
        waiting = [socket.socket() for _ in range(2)]
        if first == "hangs":
            dead.listen(0)
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.2", port))

        def two(host: str, *args: object, **options: object) -> object:
            if host != "provider.example":
                return look_up(host, *args, **options)  # type: ignore[arg-type]
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")
            ]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        completion = client_at(f"http://provider.example:{port}", name).complete(timeout_s=2)
        for each in waiting:
            each.close()

    assert completion.text == response.expect["text"]


@one_of_each_library
def test_host_with_an_invalid_name_is_unreachable(name: ProviderName) -> None:
    failure = client_at(f"http://{'a' * 70}.invalid", name).failure()

    assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)
