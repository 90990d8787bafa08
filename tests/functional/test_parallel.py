"""Work that runs side by side in one thread."""

import socket
import threading
import time
from collections.abc import Callable, Generator
from contextvars import ContextVar

import pytest

from nexus_ai.core import parallel

LONG_S = 20
named: ContextVar[str] = ContextVar("named")


@pytest.fixture
def pair() -> Generator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def read(end: socket.socket, within_s: float = LONG_S) -> bytes | None:
    """What comes; None where nothing does in time."""
    is_ready = parallel.ready(end.fileno(), parallel.READ, time.monotonic() + within_s)
    return end.recv(100) if is_ready else None


def test_what_waits_lets_the_others_go_on_and_all_of_it_in_one_thread(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    threads: set[int] = set()

    def ask() -> bytes | None:
        threads.add(threading.get_ident())
        there.send(b"asked")
        return read(there)

    def answer() -> bytes | None:
        threads.add(threading.get_ident())
        asked = read(here)
        here.send(b"answered")
        return asked

    asking, answering = parallel.start(ask), parallel.start(answer)

    assert (asking.result(), answering.result()) == (b"answered", b"asked")
    assert threads == {threading.get_ident()}


def test_who_begins_work_can_wait_for_what_it_does(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair

    def answer() -> None:
        read(here)
        here.send(b"answered")

    answering = parallel.start(answer)
    there.send(b"asked")

    assert read(there) == b"answered"
    assert answering.done()


def test_what_never_comes_is_waited_for_until_its_time_is_over(pair: tuple[socket.socket, socket.socket]) -> None:
    assert read(pair[0], 0.01) is None
    waiting = parallel.start(lambda: read(pair[0], 0.01))
    assert read(pair[1], 0.02) is None
    assert waiting.result() is None


def test_the_shorter_pause_ends_first() -> None:
    ended: list[str] = []

    def pause(name: str, seconds: float) -> None:
        parallel.pause(seconds)
        ended.append(name)

    pauses = [parallel.start(lambda: pause("long", 0.2)), parallel.start(lambda: pause("short", 0.01))]
    parallel.wait(pauses, LONG_S)

    assert ended == ["short", "long"]


def test_what_blocks_has_a_thread_of_its_own_and_the_others_go_on() -> None:
    """Each of them ends only once the other one has begun."""
    both = threading.Barrier(2)

    def block() -> int:
        def meet() -> int:
            both.wait(LONG_S)
            return threading.get_ident()

        return parallel.aside(meet)

    found = {task.result() for task in [parallel.start(block), parallel.start(block)]}

    assert threading.get_ident() not in found
    assert len(found) == 2


def test_an_error_is_told_to_who_asks_for_the_result() -> None:
    def fail() -> None:
        raise LookupError("aside")

    with pytest.raises(LookupError, match="aside"):
        parallel.start(lambda: parallel.aside(fail)).result()
    with pytest.raises(LookupError, match="aside"):
        parallel.start(fail).result()


def test_what_blocks_for_too_long_is_not_waited_for() -> None:
    end = threading.Event()

    def block() -> bool:
        return parallel.aside(lambda: end.wait(LONG_S), ends_at=time.monotonic() + 0.01)

    try:
        with pytest.raises(TimeoutError):
            block()
        with pytest.raises(TimeoutError):
            parallel.start(block).result()
    finally:
        end.set()


@pytest.mark.parametrize("is_aside", [False, True])
def test_nothing_of_work_that_was_ended_happens_later(
    pair: tuple[socket.socket, socket.socket], is_aside: bool
) -> None:
    happened: list[str] = []
    end = threading.Event()

    def work() -> None:
        try:
            if is_aside:
                parallel.aside(lambda: end.wait(LONG_S))
            else:
                read(pair[0])
            happened.append("went on")
        finally:
            happened.append("cleaned up")

    task = parallel.start(work)
    parallel.wait([task], 0.01)
    assert not task.done()

    parallel.cancel_all()
    end.set()
    pair[1].send(b"late")
    parallel.start(lambda: parallel.pause(0.05)).result()

    assert happened == ["cleaned up"]
    assert task.done()


def test_work_has_the_context_variables_of_its_begin_and_its_own_from_there_on() -> None:
    named.set("first")

    def work(name: str) -> tuple[str, str]:
        before = named.get()
        named.set(name)
        parallel.pause(0.01)
        return before, named.get()

    one, two = parallel.start(lambda: work("one")), parallel.start(lambda: work("two"))
    named.set("changed")

    assert (one.result(), two.result(), named.get()) == (("first", "one"), ("first", "two"), "changed")


def test_work_that_runs_so_begins_and_awaits_none() -> None:
    other = parallel.start(lambda: parallel.pause(0.01))
    nested: list[Callable[[], object]] = [
        lambda: parallel.start(lambda: None),
        other.result,
        lambda: parallel.wait([other], 1),
    ]
    for work in nested:
        with pytest.raises(RuntimeError):
            parallel.start(work).result()
    other.result()


def test_where_one_of_several_fails_nothing_of_the_others_happens_later(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    happened: list[bytes | None] = []

    def fail() -> None:
        parallel.pause(0.01)
        raise LookupError

    with pytest.raises(LookupError):
        parallel.results([fail, lambda: happened.append(read(pair[0]))])
    pair[1].send(b"late")
    parallel.start(lambda: parallel.pause(0.05)).result()

    assert happened == []
    assert parallel.results([lambda: 1, lambda: 2]) == [1, 2]


def test_an_answer_that_came_in_time_is_not_late_because_others_took_long(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    def hog() -> None:
        parallel.pause(0.01)
        time.sleep(0.2)

    here, there = pair
    hogging, reading = parallel.start(hog), parallel.start(lambda: read(here, 0.1))
    there.send(b"in time")

    assert (reading.result(), hogging.result()) == (b"in time", None)


def test_who_begins_work_lets_it_go_on_while_something_blocks(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair

    def answer() -> None:
        read(here)
        here.send(b"answered")

    def block() -> bytes:
        there.send(b"asked")
        return there.recv(100)

    answering = parallel.start(answer)
    assert parallel.aside(block, ends_at=time.monotonic() + LONG_S) == b"answered"
    assert answering.done()


def test_threads_do_not_see_each_others_work(pair: tuple[socket.socket, socket.socket]) -> None:
    waiting = parallel.start(lambda: read(pair[0]))
    found: list[bytes | None] = []

    def other() -> None:
        here, there = socket.socketpair()
        with here, there:
            task = parallel.start(lambda: read(here))
            there.send(b"other")
            found.append(task.result())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(LONG_S)
    assert (found, waiting.done()) == ([b"other"], False)

    pair[1].send(b"mine")
    assert waiting.result() == b"mine"
