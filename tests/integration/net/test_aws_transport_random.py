"""Test 900 exchanges in eight threads with a server that often misbehaves at random."""

import os
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random
from threading import Lock

import pytest

from nexus_ai.net.aws_transport import AwsTransport, Request, Response, TransportError
from tests.integration.support.raw_server import RawServer, raw_server, reset

EXCHANGES, THREADS, TIMEOUT_S = 900, 8, 1.0

type Behaviour = Callable[[RawServer, socket.socket, bytes], bool]


def echoes(framed: Callable[[bytes], bytes], *, is_kept: bool = True) -> Behaviour:
    """Echo the request in a response of that form; return True if the connection is kept."""

    def behaviour(_: RawServer, connection: socket.socket, body: bytes) -> bool:
        connection.sendall(framed(body))
        return is_kept

    return behaviour


def plain(body: bytes, line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return line + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, blanks: bytes = b"") -> bytes:
    chunks = b"".join(b"1" + blanks + b"\r\n%c\r\n" % byte for byte in body)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def silent(server: RawServer, _: socket.socket, __: bytes) -> bool:
    server.closing.wait()
    return False


def dripping(server: RawServer, connection: socket.socket, body: bytes) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")
    server.drip(connection, body)
    return False


def closed(_: RawServer, __: socket.socket, ___: bytes) -> bool:
    return False


def aborted(_: RawServer, connection: socket.socket, __: bytes) -> bool:
    reset(connection)
    return False


WELL_BEHAVED = [echoes(plain)] * 10
ODD = [
    echoes(chunked),
    echoes(lambda body: chunked(body, b"  ")),
    echoes(lambda body: b"HTTP/1.1 103 Early Hints\r\n\r\n" + plain(body)),
    echoes(lambda body: plain(body).replace(b"\r\n", b"\n")),
    echoes(lambda body: plain(body, b"HTTP/1.0 200 OK"), is_kept=False),
    echoes(lambda body: plain(body, b"HTTP/1.1 503 No")),
    echoes(lambda body: b"HTTP/1.1 200 OK\r\n\r\n" + body, is_kept=False),
    echoes(plain, is_kept=False),
    # Add a second response, which the next call on the connection must not receive.
    echoes(lambda body: plain(body) + plain(b"{evil}")),
    echoes(lambda body: plain(body)[:-1], is_kept=False),
    echoes(lambda _: b"220 mail.example ESMTP\r\n", is_kept=False),
    closed,
    aborted,
]
SLOW = [silent, dripping]


class Peer:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._lock = Lock()

    def __call__(self, server: RawServer, connection: socket.socket) -> None:
        while (body := server.receive(connection)) is not None:
            with self._lock:
                # Choose few behaviours that take a whole timeout.
                kinds = SLOW if self._random.random() < 0.03 else self._random.choice([WELL_BEHAVED, ODD])
                behaviour = self._random.choice(kinds)
            if not behaviour(server, connection, body):
                return


def sockets() -> int:
    names = os.listdir("/proc/self/fd")
    return sum(os.path.realpath(f"/proc/self/fd/{name}").count("socket:") for name in names)


@pytest.mark.slow
def test_no_exchange_gets_another_response_or_is_sent_twice() -> None:
    before = sockets()
    unsent: list[bytes] = []

    with (
        raw_server(Peer(seed=7)) as server,
        closing(AwsTransport(server.url, connect_timeout_s=TIMEOUT_S, timeout_s=TIMEOUT_S)) as transport,
        ThreadPoolExecutor(THREADS) as pool,
    ):

        def exchange(number: int) -> tuple[bytes, Response | None]:
            body = b'{"number": %d}' % number
            try:
                return body, transport(Request("GetItem", {}, body))
            except TransportError as error:
                if not error.sent:
                    unsent.append(body)
                return body, None

        found = list(pool.map(exchange, range(EXCHANGES)))

    answered = [(body, response) for body, response in found if response]
    assert [body for body, response in answered if response.body != body] == []
    assert len(answered) > EXCHANGES / 3
    assert {response.status for _, response in answered} == {200, 503}
    arrived = Counter(server.requests)
    assert max(arrived.values()) == 1
    assert [body for body in unsent if arrived[body]] == []
    assert sockets() <= before
