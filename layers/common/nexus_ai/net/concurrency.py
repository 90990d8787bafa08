"""Work of one step side by side, in threads of the standard library, and the time that all of it has.

A step is a list of works. It ends when the last of them has ended, so that nothing of a request outlives the request:
every exchange and every pause is bounded by the step's end, and after that end nothing more is sent.
"""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from math import inf
from threading import Event
from typing import Any

from nexus_ai.platform.errors import StoreUnavailable
from nexus_ai.platform.once import Once

# One request needs three threads beside its own. An export reads a hundred contents at once, and the local stack
# serves many requests in one process.
THREADS = 32
# How much longer than its end a step waits for works whose last exchange ends with it.
GRACE_S = 0.05


@dataclass(frozen=True, slots=True)
class _Scope:
    """The time that whatever runs in a context has, by time.monotonic()."""

    ends_at: float
    stopped: Event
    is_step: bool


_scope: ContextVar[_Scope] = ContextVar("scope", default=_Scope(inf, Event(), is_step=False))  # noqa: B039 (never set)


class Work[T]:
    """A function that a step runs, and what became of it."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._result: T
        self._error: BaseException | None = None
        self.is_done = False

    def result(self) -> T:
        """Return what the function returned, or raise what it raised; to be called once.

        Raises:
            StoreUnavailable: The step ended before the function did.
        """
        if not self.is_done:
            raise StoreUnavailable from TimeoutError()
        # A raised error refers to the frames that it passes, and what they refer to: kept here, it would be a cycle.
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error
        return self._result

    @property
    def has_failed(self) -> bool:
        return self._error is not None

    def run(self, scope: _Scope) -> None:
        """Run the function in `scope`. Called by a step, in a context of the work's own."""
        _scope.set(scope)
        try:
            self._result = self._function()
        except KeyboardInterrupt:
            # Of this thread, and not of the work.
            raise
        except BaseException as error:  # noqa: BLE001 (raised by `result`)
            self._error = error
        finally:
            self.is_done = True
            # An error refers to this frame.
            del self


@contextmanager
def deadline(seconds: float) -> Generator[None]:
    """Bound every exchange and pause within the block to end in so many seconds, unless they end sooner anyway."""
    around = _scope.get()
    token = _scope.set(replace(around, ends_at=min(around.ends_at, time.monotonic() + seconds)))
    try:
        yield
    finally:
        _scope.reset(token)


def time_left() -> float:
    """Return the seconds that may still be waited: infinite outside of any deadline, 0 if the step was stopped."""
    scope = _scope.get()
    return 0.0 if scope.stopped.is_set() else max(0.0, scope.ends_at - time.monotonic())


def pause(seconds: float) -> bool:
    """Wait so long, or until the deadline or the stop of the step; return whether there is time to go on."""
    _scope.get().stopped.wait(min(seconds, time_left()))
    return time_left() > 0


def run_step(works: Sequence[Work[Any]], *, timeout_s: float = inf) -> None:
    """Run all works side by side, the last of them in this thread, and return when each has ended.

    Nothing is raised: `Work.result` says what became of each. Works that are not done `timeout_s` later are stopped:
    what is on its way ends with the step, and nothing more is sent.

    Work that no deadline interrupts (boto3) is waited for no longer than the step lasts, unless it is the last: so put
    it before others.

    Raises:
        RuntimeError: A work begins a step of its own, which could wait for threads that wait for it.
    """
    _run(works, _new_step(timeout_s), stop_at_error=False)


def run_all[T](functions: Iterable[Callable[[], T]]) -> list[T]:
    """Run all functions side by side; return their results in order, or raise the error that came first.

    An error stops the others: what is on its way ends by itself, and nothing more is sent.
    """
    works = [Work(function) for function in functions]
    failed = _run(works, _new_step(inf), stop_at_error=True)
    return [work.result() for work in failed[:1] or works]


def _new_step(timeout_s: float) -> _Scope:
    around = _scope.get()
    if around.is_step:
        raise RuntimeError("a work of a step begins no step")
    return _Scope(min(around.ends_at, time.monotonic() + timeout_s), Event(), is_step=True)


def _run[T](works: Sequence[Work[T]], scope: _Scope, *, stop_at_error: bool) -> list[Work[T]]:
    """Return the works that failed, in the order of their failing."""
    failed: list[Work[T]] = []

    def run(work: Work[T]) -> None:
        # What is still in the queue when the step ends is not begun.
        if scope.stopped.is_set():
            return
        work.run(scope)
        if work.has_failed:
            failed.append(work)
            if stop_at_error:
                scope.stopped.set()

    running: list[Future[None]] = []
    try:
        running += [thread_pool().submit(copy_context().run, run, work) for work in works[:-1]]
        for work in works[-1:]:
            copy_context().run(run, work)
        for future in running:
            _wait(future, scope.ends_at)
    finally:
        scope.stopped.set()
        for future in running:
            future.cancel()
    return failed


def _wait(future: Future[None], ends_at: float) -> None:
    try:
        future.exception(None if ends_at == inf else max(0.0, ends_at + GRACE_S - time.monotonic()))
    except TimeoutError:
        return


# Made by the first step, so that no snapshot of a process has threads.
thread_pool = Once(lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="step"))
