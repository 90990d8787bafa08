"""Connections that are kept: which answers are read, and which connections are asked again."""

import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

import pytest

from nexus_ai.core import http1
from nexus_ai.core.http1 import Answer, ExchangeFailed, Failure, Place, Pool
from nexus_ai.core.tls import vendors

IN_CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class OneCall:
    """An exchange with a second for each of its waits."""

    sent: bool = False
    status: int | None = None

    def left(self) -> float:
        return 1


@dataclass
class Scripted:
    """A server that answers each request with the next of its texts, and counts the connections that it took."""

    answers: Sequence[bytes]
    place: Place
    connections: int = 0
    asked: list[bytes] = field(default_factory=list[bytes])

    def serve(self, listener: socket.socket) -> None:
        left = list(self.answers)
        while left:
            opened, _ = listener.accept()
            with opened:
                self.connections += 1
                while left and (asked := opened.recv(65_536)):
                    self.asked.append(asked)
                    answer = left.pop(0)
                    opened.sendall(answer)
                    if b"content-length" not in answer and b"chunked" not in answer:
                        break


@contextmanager
def scripted(*answers: bytes) -> Generator[Scripted]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Scripted(answers, Place("http", "127.0.0.1", listener.getsockname()[1]))
        thread = Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        yield server


@pytest.fixture
def pool() -> Generator[Pool]:
    subject = Pool(vendors, connect_timeout_s=1, most_bytes=1000)
    yield subject
    subject.close()


def ask(pool: Pool, place: Place) -> Answer:
    return pool.exchange(place, http1.head("GET", "/", [("host", place.host)]), OneCall())


def asked_twice(pool: Pool, first: bytes) -> tuple[Answer, int]:
    """The first answer, and the connections that it and another one took."""
    with scripted(first, OK) as server:
        answer = ask(pool, server.place)
        assert ask(pool, server.place).body == b"ok"
    return answer, server.connections


def test_an_answer_in_pieces_is_whole_and_its_connection_is_kept(pool: Pool) -> None:
    pieces = IN_CHUNKS + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n"
    answer, connections = asked_twice(pool, pieces)
    assert (answer.status, answer.body, connections) == (200, b"abcde", 1)
    assert answer.header(b"x-trailer") == []


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_is_not_waited_for(pool: Pool, status: int) -> None:
    answer, connections = asked_twice(pool, b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
    assert (answer.status, answer.body, connections) == (status, b"", 1)


def test_what_comes_before_an_answer_is_none(pool: Pool) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    answer, connections = asked_twice(pool, early + OK)
    assert (answer.status, answer.headers, answer.body) == (200, [(b"content-length", b"2")], b"ok")
    assert connections == 1


def test_where_nothing_tells_its_length_an_answer_ends_with_its_connection(pool: Pool) -> None:
    answer, connections = asked_twice(pool, b"HTTP/1.1 200 OK\r\n\r\nall of it")
    assert (answer.body, connections) == (b"all of it", 2)


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
)
def test_a_connection_that_the_other_side_ends_is_not_asked_again(pool: Pool, first: bytes) -> None:
    assert asked_twice(pool, first)[1] == 2


def test_a_connection_that_was_idle_for_long_is_not_asked_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "KEEP_ALIVE_S", 0)
    assert asked_twice(pool, OK)[1] == 2


def test_one_that_was_used_in_the_future_is_not_asked_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was set back says nothing of how long a connection was idle."""
    with scripted(OK, OK) as server:
        ask(pool, server.place)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now - 60)
        ask(pool, server.place)
    assert server.connections == 2


@pytest.mark.parametrize(
    "more",
    [
        b"HTTP/1.1 503 Evil\r\nx-evil: 1\r\ncontent-length: 4\r\n\r\nevil",
        b"HTTP/1.1 103 Early Hints\r\nx-evil: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-evil",
        b"evil",
    ],
)
def test_of_what_comes_behind_an_answer_nothing_is_read_and_nobody_is_given_it(pool: Pool, more: bytes) -> None:
    answer, connections = asked_twice(pool, OK + more)
    assert (answer.status, answer.headers, answer.body) == (200, [(b"content-length", b"2")], b"ok")
    assert connections == 2


@pytest.mark.parametrize(
    ("broken", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n" + b"x" * 1001, Failure.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n" + b"x-more: and more\r\n" * 10_000, Failure.TOO_LARGE),
        (IN_CHUNKS + b"0\r\n" + b"x-more: and more\r\n" * 10_000, Failure.TOO_LARGE),
        (IN_CHUNKS + b"1;more=" + b"x" * 100_000, Failure.TOO_LARGE),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000, Failure.TOO_LARGE),
        (b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", Failure.BROKEN),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            Failure.BROKEN,
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", Failure.BROKEN),
        (b"220 mail.example ESMTP\r\n", Failure.BROKEN),
    ],
)
def test_what_is_no_answer_is_told_apart(pool: Pool, broken: bytes, failure: Failure) -> None:
    with scripted(broken) as server, pytest.raises(ExchangeFailed) as raised:
        ask(pool, server.place)
    assert raised.value.failure is failure


@pytest.mark.parametrize("value", ["a\r\nx-injected: 1", "a\nb", "a\rb", "a\0b", "preço ☕"])
def test_no_field_ends_its_line(value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of whatever kind)
        http1.head("GET", "/", [("x-field", value)])
    with pytest.raises(ValueError):  # noqa: PT011
        http1.head("GET", f"/{value} HTTP/1.1", [])


@dataclass
class Proxy:
    """Answers CONNECT, and no more."""

    answer: bytes
    asked: bytes = b""

    def serve(self, listener: socket.socket) -> None:
        opened, _ = listener.accept()
        with opened:
            while b"\r\n\r\n" not in self.asked:
                self.asked += opened.recv(65_536)
            opened.sendall(self.answer)
            # Whatever is said through it, as a TLS client says hello.
            self.asked += opened.recv(65_536)


@pytest.mark.parametrize("status", [200, 407])
def test_a_proxy_is_asked_to_connect_and_sees_nothing_of_the_request(status: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        subject = Proxy(b"HTTP/1.1 %d Said\r\n\r\n" % status)
        url = f"http://me:p%40ss@127.0.0.1:{listener.getsockname()[1]}"
        thread = Thread(target=subject.serve, args=(listener,), daemon=True)
        thread.start()
        pool = Pool(vendors, connect_timeout_s=1, most_bytes=1000, proxy=lambda _: Place.of(url))
        call = OneCall()
        with pytest.raises(ExchangeFailed) as raised:
            pool.exchange(Place("https", "aws.example", 443), b"secret", call)
        thread.join(5)

    head, _, behind = subject.asked.partition(b"\r\n\r\n")
    who = b64encode(b"me:p@ss")
    assert head == b"CONNECT aws.example:443 HTTP/1.1\r\nhost: aws.example:443\r\nproxy-authorization: Basic " + who
    # A TLS record of a handshake, or nothing.
    assert behind[:1] == (b"\x16" if status == 200 else b"")
    assert (raised.value.failure, call.sent) == (Failure.UNREACHABLE, False)


def test_a_refusal_that_comes_before_all_of_a_request_is_there_is_read(pool: Pool) -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno"

    def refuse(listener: socket.socket) -> None:
        opened, _ = listener.accept()
        opened.recv(1000)
        opened.sendall(refusal)
        # What is left unread has the kernel reset the connection.
        opened.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=refuse, args=(listener,), daemon=True).start()
        place = Place("http", "127.0.0.1", listener.getsockname()[1])
        answer = pool.exchange(place, b"POST / HTTP/1.1\r\n\r\n" + b"x" * 12_000_000, OneCall())

    assert (answer.status, answer.body) == (413, b"no")


def test_of_several_addresses_one_that_is_dead_does_not_stand_for_the_others(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queue is full, so that the kernel leaves further connections waiting."""
    with scripted(OK) as server, socket.socket() as dead, socket.socket() as first, socket.socket() as second:
        dead.bind(("127.0.0.1", 0))
        dead.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(dead.getsockname())
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", dead.getsockname())]
        found.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", (server.place.host, server.place.port)))

        def look_up(*_: object, **__: object) -> object:
            return found

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

        assert ask(pool, server.place).body == b"ok"


def test_tls_is_spoken_without_waiting_for_ever() -> None:
    """Of a server that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pool = Pool(ssl.create_default_context, connect_timeout_s=0.1, most_bytes=1000)
        with pytest.raises(ExchangeFailed) as raised:
            pool.exchange(Place("https", "127.0.0.1", listener.getsockname()[1]), b"secret", OneCall())
    assert raised.value.failure is Failure.UNREACHABLE
