"""Test HTTP to AWS over libcurl: which responses are read, what is sent again, and how long a call takes."""

import os
import socket
import time
import zlib
from collections.abc import Generator
from contextlib import closing, contextmanager

import pycurl
import pytest

from nexus_ai.net import aws_transport
from nexus_ai.net.aws_transport import AwsTransport, Request, Response, TransportError
from nexus_ai.net.concurrency import deadline
from tests.integration.support.raw_server import OK, RawServer, Script, raw_server, reset, responding

IN_CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SHORT_S = 0.3
# Far more than any call here takes on a busy machine.
LONG_S = 20


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@contextmanager
def transport_to(server: RawServer, timeout_s: float = LONG_S, scheme: str = "http") -> Generator[AwsTransport]:
    url = f"{scheme}://127.0.0.1:{server.port}"
    with closing(AwsTransport(url, connect_timeout_s=timeout_s, timeout_s=timeout_s)) as transport:
        yield transport


def send(transport: AwsTransport, body: bytes = b"{}") -> Response:
    return transport(Request("GetItem", {"content-type": "application/x-amz-json-1.0"}, body))


def failure_of(transport: AwsTransport, body: bytes = b"{}") -> TransportError:
    with pytest.raises(TransportError) as raised:
        send(transport, body)
    return raised.value


READ = {
    "in chunks, with an extension and a trailer": IN_CHUNKS + b"1\r\no\r\n1;x=y\r\nk\r\n0\r\nx-amz-crc32: 1\r\n\r\n",
    "chunk sizes followed by blanks": IN_CHUNKS + b"2  \r\nok\r\n0\r\n\r\n",
    "a folded header": b"HTTP/1.1 200 OK\r\nx-long: one\r\n two\r\ncontent-length: 2\r\n\r\nok",
    "lines that end with LF only": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    "the same length twice": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
    "an unknown encoding": b"HTTP/1.1 200 OK\r\ncontent-encoding: utf-8\r\ncontent-length: 2\r\n\r\nok",
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx-amz-crc32: 1\r\n\r\n" + OK,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "a body that ends with its connection": b"HTTP/1.1 200 OK\r\n\r\nok",
    "no reason phrase": b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("response", READ.values(), ids=READ)
def test_valid_response_is_read_and_so_is_the_next(response: bytes) -> None:
    with responding(response) as server, transport_to(server) as transport:
        assert [(found.status, found.body) for found in (send(transport), send(transport))] == [(200, b"ok")] * 2


@pytest.mark.parametrize("status", [200, 204, 307, 400, 503])
def test_status_is_returned_and_no_redirect_is_followed(status: int) -> None:
    response = b"HTTP/1.1 %d Some\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n" % status
    with responding(response) as server, transport_to(server) as transport:
        assert send(transport).status == status
        assert send(transport).status == 200
        assert (server.connections, len(server.requests)) == (1, 2)


BROKEN = {
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
    "another protocol": b"220 mail.example ESMTP\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "a cut body": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok",
    "a cut chunk": IN_CHUNKS + b"9\r\nok",
    "a chunk with an invalid size": IN_CHUNKS + b"x\r\nok\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"x-more: and more\r\n" * 20_000,
    "interim responses without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000,
    "trailers without end": IN_CHUNKS + b"0\r\n" + b"x-more: and more\r\n" * 20_000,
    "a body over the bound": b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n" + b"x" * 1001,
    "chunks over the bound": IN_CHUNKS + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
    "an endless body over the bound": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
    "nothing": b"",
}


@pytest.mark.parametrize("response", BROKEN.values(), ids=BROKEN)
def test_incomplete_response_fails_as_sent_and_is_not_repeated(
    response: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_transport, "MAX_RESPONSE_BYTES", 1000)

    def once(server: RawServer, connection: socket.socket) -> None:
        if server.receive(connection) is not None:
            connection.sendall(response if len(server.requests) == 1 else OK)

    with raw_server(once) as server, transport_to(server) as transport:
        assert failure_of(transport).sent
        assert len(server.requests) == 1
        assert send(transport).body == b"ok"


@pytest.mark.parametrize("status", [b"400", b"401", b"429", b"503"])
def test_error_with_a_cut_body_has_its_status_and_request_id(status: bytes) -> None:
    head = b"HTTP/1.1 " + status + b" No\r\nx-amzn-RequestId: R1\r\ncontent-length: 99\r\nconnection: close\r\n\r\n"

    def cut(server: RawServer, connection: socket.socket) -> None:
        server.receive(connection)
        connection.sendall(head + b"{")

    with raw_server(cut) as server, transport_to(server) as transport:
        error = failure_of(transport)
    assert (error.sent, error.status, error.request_id) == (True, int(status), "R1")
    assert error.log_fields["aws_request_id"] == "R1"


def test_body_with_a_wrong_checksum_fails() -> None:
    head = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: R1\r\nx-amz-crc32: %d\r\ncontent-length: 2\r\n\r\nok"
    with responding(head % 1, head % zlib.crc32(b"ok")) as server, transport_to(server) as transport:
        error = failure_of(transport)
        assert (error.sent, error.request_id) == (True, "R1")
        assert send(transport) == Response(200, b"ok", "R1")


@pytest.mark.parametrize("value", ["a\r\nx-injected: 1", "a\nb", "a\rb", "a\0b"])
def test_header_with_a_line_break_is_refused(value: str) -> None:
    with responding() as server, transport_to(server) as transport:
        with pytest.raises(ValueError, match="one line"):
            transport(Request("GetItem", {"x-field": value}, b"{}"))
        assert server.requests == []


# Kept connections.


def test_connection_is_reused() -> None:
    with responding() as server, transport_to(server) as transport:
        for _ in range(5):
            send(transport)
        assert (server.connections, len(server.requests)) == (1, 5)


def respond_once_then(then: Script) -> Script:
    """Respond to the first request of the first connection, then call `then` once the test continues.

    Requests on other connections get OK.
    """

    def script(server: RawServer, connection: socket.socket) -> None:
        is_first = server.connections == 1
        while server.receive(connection) is not None:
            connection.sendall(OK)
            if is_first:
                server.going_on.wait()
                then(server, connection)
                return

    return script


def close(_: RawServer, connection: socket.socket) -> None:
    connection.close()


def close_with_reset(_: RawServer, connection: socket.socket) -> None:
    reset(connection)


def send_another(server: RawServer, connection: socket.socket) -> None:
    connection.sendall(OK.replace(b"ok", b"no"))
    server.closing.wait()


@pytest.mark.parametrize("then", [close, close_with_reset, send_another])
def test_connection_with_bytes_while_idle_is_not_reused(then: Script) -> None:
    """Reuse neither a closed connection nor one with a response that was not requested."""
    with raw_server(respond_once_then(then)) as server, transport_to(server) as transport:
        send(transport)
        server.going_on.set()
        wait_until_idle_connection_is_readable(transport)
        assert [send(transport, body).body for body in (b"{2}", b"{3}")] == [b"ok"] * 2
        assert (server.connections, server.requests) == (2, [b"{}", b"{2}", b"{3}"])


def wait_until_idle_connection_is_readable(transport: AwsTransport) -> None:
    (connection,) = transport._idle  # pyright: ignore[reportPrivateUsage]
    give_up_at = time.monotonic() + LONG_S
    while not connection._idle.poll(10):  # pyright: ignore[reportPrivateUsage]
        assert time.monotonic() < give_up_at


@pytest.mark.parametrize("more", [OK.replace(b"ok", b"no"), b"evil", b"HTTP/1.1 103 Early\r\nx-evil: 1\r\n\r\n"])
def test_connection_with_bytes_after_a_response_is_not_reused(more: bytes) -> None:
    with responding(OK + more) as server, transport_to(server) as transport:
        assert [send(transport).body for _ in range(2)] == [b"ok"] * 2
        assert server.connections == 2


@pytest.mark.parametrize("later_s", [aws_transport.KEEP_ALIVE_S, -1.0])
def test_connection_old_by_the_wall_clock_is_not_reused(later_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The monotonic clock stands still while a function is frozen. A clock that was set back proves no age."""
    with responding() as server, transport_to(server) as transport:
        send(transport)
        now_s = time.time()
        monkeypatch.setattr(time, "time", lambda: now_s + later_s)
        send(transport)
        send(transport)
        assert (server.connections, len(server.requests)) == (2, 3)


def read_and_close(server: RawServer, connection: socket.socket) -> None:
    server.receive(connection)


def read_and_reset(server: RawServer, connection: socket.socket) -> None:
    server.receive(connection)
    reset(connection)


@pytest.mark.parametrize("then", [read_and_close, read_and_reset])
def test_request_on_a_dying_connection_arrives_once(then: Script) -> None:
    """libcurl would send the request again by itself, which applies an addition twice."""
    with raw_server(respond_once_then(then)) as server, transport_to(server) as transport:
        send(transport)
        server.going_on.set()
        assert failure_of(transport, b"{add}").sent
        assert (server.connections, server.requests) == (1, [b"{}", b"{add}"])
        assert send(transport, b"{next}").body == b"ok"
        assert server.requests.count(b"{add}") == 1


# Sent or not.


def test_refused_connection_is_unsent() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    with transport_to(RawServer(port)) as transport:
        error = failure_of(transport)
    assert (error.sent, error.status, error.reason) == (False, None, "Could not connect to server")


def test_unknown_host_name_is_unsent() -> None:
    with closing(AwsTransport("http://nowhere.invalid", connect_timeout_s=LONG_S, timeout_s=LONG_S)) as transport:
        assert not failure_of(transport).sent


def test_connection_that_is_not_accepted_is_unsent() -> None:
    """Fill the queue of a listener, so that the kernel keeps further connections waiting."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with transport_to(RawServer(full.getsockname()[1]), SHORT_S) as transport:
            assert_ends_in_time(transport, sent=False)


def stay_silent(server: RawServer, _: socket.socket) -> None:
    server.closing.wait()


def speak_first(_: RawServer, connection: socket.socket) -> None:
    connection.sendall(OK)


def test_silent_tls_server_is_sent_nothing() -> None:
    with raw_server(stay_silent) as server, transport_to(server, SHORT_S, scheme="https") as transport:
        assert_ends_in_time(transport, sent=False)


def test_server_without_tls_is_sent_nothing() -> None:
    with raw_server(speak_first) as server, transport_to(server, scheme="https") as transport:
        assert not failure_of(transport).sent


def test_name_lookup_runs_in_a_thread_and_obeys_the_timeout() -> None:
    assert pycurl.version_info()[4] & pycurl.VERSION_ASYNCHDNS


# Timeouts.


def assert_ends_in_time(transport: AwsTransport, *, sent: bool) -> None:
    started_at = time.monotonic()
    assert failure_of(transport).sent is sent
    assert time.monotonic() - started_at < LONG_S / 2


SLOW = {
    "silence": b"",
    "a head that drips": b"HTTP/1.1 200 OK\r\nx-slow: and so on",
    "a body that drips": b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx",
    "chunks that drip": IN_CHUNKS + b"fffff\r\nx",
    "an error that drips": b"HTTP/1.1 503 No\r\ncontent-length: 1000000\r\n\r\nx",
}


def slowly(text: bytes) -> Script:
    def script(server: RawServer, connection: socket.socket) -> None:
        server.receive(connection)
        if text:
            head, _, body = text.partition(b"\r\n\r\n")
            connection.sendall(head + b"\r\n\r\n" if body else b"")
            server.drip(connection, body or head)
        server.closing.wait()

    return script


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_slow_server_ends_at_the_timeout(text: bytes) -> None:
    """A received byte does not restart the timeout."""
    with raw_server(slowly(text)) as server, transport_to(server, SHORT_S) as transport:
        assert_ends_in_time(transport, sent=True)


def test_status_of_a_dripping_error_counts() -> None:
    with raw_server(slowly(SLOW["an error that drips"])) as server, transport_to(server, SHORT_S) as transport:
        assert failure_of(transport).status == 503


def test_server_that_reads_nothing_ends_at_the_timeout() -> None:
    with raw_server(stay_silent) as server, transport_to(server, SHORT_S) as transport:
        started_at = time.monotonic()
        assert failure_of(transport, b"x" * 20_000_000).sent
        assert time.monotonic() - started_at < LONG_S / 2


def test_deadline_of_a_request_ends_a_call_before_its_timeout() -> None:
    with raw_server(slowly(SLOW["a body that drips"])) as server, transport_to(server) as transport:
        with deadline(SHORT_S):
            assert_ends_in_time(transport, sent=True)
        with deadline(0):
            assert not failure_of(transport).sent
        assert len(server.requests) == 1


def test_failed_and_closed_connections_leave_no_descriptor() -> None:
    def sockets() -> int:
        return sum(os.path.realpath(f"/proc/self/fd/{name}").count("socket:") for name in os.listdir("/proc/self/fd"))

    before = sockets()
    for response in (OK, *BROKEN.values()):
        with responding(response) as server:
            transport = AwsTransport(server.url, connect_timeout_s=LONG_S, timeout_s=SHORT_S)
            for _ in range(2):
                try:
                    send(transport)
                except TransportError:
                    continue
            transport.close()
    assert sockets() <= before
