"""Work that runs side by side in one thread: what waits for a socket lets the others go on.

A step of a request makes up to four calls of the store at once. Each of them in a thread of its own took as much CPU
for the hand-over as for the call (docs/benchmarks.md); here all are written, and then their answers are read as they
come. The code of the stores knows nothing of it: a greenlet is suspended wherever it waits.

Only what waits by `ready`, `pause` or `aside` lets others go on. What blocks by itself, as boto3 does, goes `aside`.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextvars import copy_context
from math import inf
from threading import Thread, local
from typing import Any, Final

from greenlet import GreenletExit, getcurrent, greenlet

# What a socket is waited for.
type Direction = int

READ: Final[Direction] = select.POLLIN
WRITE: Final[Direction] = select.POLLOUT


class Task[T]:
    """Work that was begun. It goes on while the thread that began it waits for anything here."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._result: T
        self._error: BaseException | None = None
        self._done = False
        # Its own context variables: the request's log keys, as they stand now.
        self._greenlet = greenlet(self._run)
        self._greenlet.gr_context = copy_context()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 (told to whoever asks for the result)
            self._error = error
        finally:
            self._done = True
            del self._work

    def begin(self) -> None:
        self._greenlet.switch()

    def done(self) -> bool:
        return self._done

    def result(self) -> T:
        """What the work returned, once it has; raises what it raised."""
        _require_first_greenlet()
        while not self._done:
            _hub.turn(inf)
        if self._error is not None:
            try:
                raise self._error
            finally:
                # The error knows this frame, which must not know the error.
                del self
        return self._result


class _Wait:
    """A greenlet that waits, until `ends_at` by time.monotonic() at the latest; for a socket, or to be woken."""

    __slots__ = ("descriptor", "ends_at", "is_ready", "waiter")

    def __init__(self, waiter: greenlet, descriptor: int | None, ends_at: float) -> None:
        self.waiter = waiter
        self.descriptor = descriptor
        self.ends_at = ends_at
        self.is_ready = False


class _Bell:
    """What wakes a thread that waits for sockets, out of others."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()

    def fileno(self) -> int:
        return self._here.fileno()

    def ring(self) -> None:
        self._there.send(b"\0")

    def is_heard(self) -> None:
        self._here.recv(4096)

    def __del__(self) -> None:
        # With the thread that it belongs to.
        self._here.close()
        self._there.close()


class _Hub(local):
    """All that waits in one thread. Its first greenlet, in which no task runs, passes the turn on."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._of_sockets: dict[int, _Wait] = {}
        self._waits: set[_Wait] = set()
        self._woken: deque[_Wait] = deque()
        self._bell: _Bell | None = None

    def wait(self, descriptor: int | None, direction: Direction, ends_at: float) -> bool:
        """Suspends the greenlet that calls; False where its time was over first."""
        return self._suspended(self._add(getcurrent(), descriptor, direction, ends_at))

    def aside[T](self, work: Callable[[], T], ends_at: float) -> T:
        """Does it in another thread; raises TimeoutError."""
        outcome: Future[T] = Future()
        wait, woken, bell = _Wait(getcurrent(), None, ends_at), self._woken, self._hung_bell()

        def wake(_: Future[T]) -> None:
            woken.append(wait)
            bell.ring()

        outcome.add_done_callback(wake)
        _in_a_thread(work, outcome)
        self._waits.add(wait)
        if not self._suspended(wait):
            raise TimeoutError
        return outcome.result(0)

    def _suspended(self, wait: _Wait) -> bool:
        try:
            if wait.waiter.parent is not None:
                wait.waiter.parent.switch()
            while wait in self._waits:
                self.turn(wait.ends_at)
        finally:
            if wait in self._waits:
                self._remove(wait)
        return wait.is_ready

    def turn(self, ends_at: float) -> None:
        """Waits until one of all can go on, or until `ends_at`, and lets those go on that can."""
        if not self._waits:
            raise RuntimeError("nothing is waited for")
        ends_at = min(ends_at, *(wait.ends_at for wait in self._waits))
        left_ms = None if ends_at == inf else max(0.0, ends_at - time.monotonic()) * 1000
        came = self._poll.poll(left_ms)
        # Late is what was late before others went on: their time is not its own.
        now = time.monotonic()
        for descriptor, _ in came:
            wait = self._of_sockets.get(descriptor)
            if wait is not None:
                self._pass_on(wait, is_ready=True)
            elif self._bell is not None and descriptor == self._bell.fileno():
                self._bell.is_heard()
        while self._woken:
            self._pass_on(self._woken.popleft(), is_ready=True)
        for wait in [wait for wait in self._waits if wait.ends_at <= now]:
            self._pass_on(wait, is_ready=False)

    def cancel_all(self) -> None:
        while running := [wait for wait in self._waits if wait.waiter.parent is not None]:
            for wait in running:
                wait.waiter.throw(GreenletExit)

    def is_idle(self) -> bool:
        return not self._waits

    def _pass_on(self, wait: _Wait, *, is_ready: bool) -> None:
        if wait in self._waits:
            self._remove(wait)
            wait.is_ready = is_ready
            if wait.waiter.parent is not None:
                wait.waiter.switch()

    def _add(self, waiter: greenlet, descriptor: int | None, direction: Direction, ends_at: float) -> _Wait:
        wait = _Wait(waiter, descriptor, ends_at)
        self._waits.add(wait)
        if descriptor is not None:
            self._of_sockets[descriptor] = wait
            self._poll.register(descriptor, direction)
        return wait

    def _remove(self, wait: _Wait) -> None:
        self._waits.discard(wait)
        if wait.descriptor is not None:
            del self._of_sockets[wait.descriptor]
            self._poll.unregister(wait.descriptor)

    def _hung_bell(self) -> _Bell:
        if self._bell is None:
            self._bell = _Bell()
            self._poll.register(self._bell, READ)
        return self._bell


_hub: Final = _Hub()


def _require_first_greenlet() -> None:
    if getcurrent().parent is not None:
        raise RuntimeError("what runs side by side begins and awaits nothing that does")


def _in_a_thread[T](work: Callable[[], T], outcome: Future[T]) -> None:
    context = copy_context()

    def run() -> None:
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 (handed to whoever waits)
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    Thread(target=run, daemon=True, name="aside").start()


def start[T](work: Callable[[], T]) -> Task[T]:
    """Begins `work`, which goes on until it waits for the first time; not to be called by work that runs so itself."""
    _require_first_greenlet()
    task = Task(work)
    task.begin()
    return task


def results[T](works: Iterable[Callable[[], T]]) -> list[T]:
    """What they return that are done side by side, in their order; raises what the first of them raises, which ends
    all others that this thread has begun."""
    tasks = [start(work) for work in works]
    try:
        return [task.result() for task in tasks]
    finally:
        cancel_all()


def wait(tasks: Iterable[Task[Any]], timeout_s: float) -> None:
    """Returns when all are done, or after so many seconds."""
    _require_first_greenlet()
    ends_at = time.monotonic() + timeout_s
    for task in tasks:
        while not task.done() and time.monotonic() < ends_at:
            _hub.turn(ends_at)


def cancel_all() -> None:
    """Ends all that this thread has begun, where it waits.

    Nothing of it happens later, but for what a thread does aside, which nobody can end.
    """
    _hub.cancel_all()


def ready(descriptor: int, direction: Direction, ends_at: float) -> bool:
    """Waits for a socket, until `ends_at` by time.monotonic(); False where it was not ready by then."""
    if _hub.is_idle() and getcurrent().parent is None:
        alone = select.poll()
        alone.register(descriptor, direction)
        return bool(alone.poll(max(0.0, ends_at - time.monotonic()) * 1000))
    return _hub.wait(descriptor, direction, ends_at)


def pause(seconds: float) -> None:
    _hub.wait(None, READ, time.monotonic() + seconds)


def aside[T](work: Callable[[], T], *, ends_at: float = inf) -> T:
    """Does what blocks, in another thread; raises TimeoutError where `ends_at` comes first.

    The work goes on behind a TimeoutError: what it has opened then, it has to close.
    """
    if ends_at == inf and getcurrent().parent is None:
        return work()
    return _hub.aside(work, ends_at)
