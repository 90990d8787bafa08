"""Run the works of one step concurrently in threads, within one deadline.

A step is a list of works, and it ends when all of them have ended. Every network exchange and every pause is bounded by
the step's deadline, and nothing is sent after it. So no work outlives its request.
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

# One request needs three threads besides its own. An export reads a hundred contents at once, and the local stack
# serves many requests in one process.
THREADS = 32
# A step waits this long after its deadline, for works whose last exchange ends exactly at the deadline.
GRACE_S = 0.05


@dataclass(frozen=True, slots=True)
class _Scope:
    """Deadline of the code that runs in a context. `ends_at` is by time.monotonic()."""

    ends_at: float
    stopped: Event
    is_step: bool


_scope: ContextVar[_Scope] = ContextVar("scope", default=_Scope(inf, Event(), is_step=False))  # noqa: B039 (its event is never set)


class Work[T]:
    """Function that a step runs, and its result."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._result: T
        self._error: BaseException | None = None
        self.is_done = False

    def result(self) -> T:
        """Return what the function returned, or raise what it raised. Call it only once if the function raised.

        Raises:
            StoreUnavailable: The step ended before the function did.
        """
        if not self.is_done:
            raise StoreUnavailable from TimeoutError()
        # A raised error refers to this frame, so keeping it would create a reference cycle.
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error
        return self._result

    @property
    def has_failed(self) -> bool:
        """Return True if the function raised an error that `result` has not raised."""
        return self._error is not None

    def run(self, scope: _Scope) -> None:
        """Run the function in `scope`. The step calls it in a separate context for each work."""
        _scope.set(scope)
        try:
            self._result = self._function()
        except KeyboardInterrupt:
            # It interrupts this thread, so it is not a result of the work.
            raise
        except BaseException as error:  # noqa: BLE001 (raised by `result`)
            self._error = error
        finally:
            self.is_done = True
            # The error refers to this frame, so `self` in it would create a reference cycle.
            del self


@contextmanager
def deadline(seconds: float) -> Generator[None]:
    """Bound every exchange and pause in the block by a deadline in so many seconds, or by an earlier outer one."""
    outer = _scope.get()
    token = _scope.set(replace(outer, ends_at=min(outer.ends_at, time.monotonic() + seconds)))
    try:
        yield
    finally:
        _scope.reset(token)


def time_left() -> float:
    """Return the seconds until the deadline: infinite without one, 0 if the step was stopped."""
    scope = _scope.get()
    return 0.0 if scope.stopped.is_set() else max(0.0, scope.ends_at - time.monotonic())


def pause(seconds: float) -> bool:
    """Wait for the seconds, but not past the deadline or a stop of the step; return True if time is left."""
    _scope.get().stopped.wait(min(seconds, time_left()))
    return time_left() > 0


def run_step(works: Sequence[Work[Any]], *, timeout_s: float = inf) -> None:
    """Run all works concurrently, the last of them in this thread, and return when all have ended.

    `Work.result` returns or raises the result of each work. After `timeout_s` the step stops: exchanges end at the
    deadline, and nothing more is sent.

    boto3 does not observe the deadline. The step leaves such a work behind when it ends, unless the work is the last
    one: put it before others.

    Raises:
        RuntimeError: A work starts a step. The step's works could then wait for threads that wait for them.
    """
    _run(works, _new_step(timeout_s), stop_at_error=False)


def run_all[T](functions: Iterable[Callable[[], T]]) -> list[T]:
    """Run all functions concurrently; return their results in order, or raise the first error.

    An error stops the others: exchanges in progress end by themselves, and nothing more is sent.
    """
    works = [Work(function) for function in functions]
    failed = _run(works, _new_step(inf), stop_at_error=True)
    return [work.result() for work in failed[:1] or works]


def _new_step(timeout_s: float) -> _Scope:
    outer = _scope.get()
    if outer.is_step:
        raise RuntimeError("a work of a step must not start a step")
    return _Scope(min(outer.ends_at, time.monotonic() + timeout_s), Event(), is_step=True)


def _run[T](works: Sequence[Work[T]], scope: _Scope, *, stop_at_error: bool) -> list[Work[T]]:
    """Run the works; return those that failed, in the order of their failures."""
    failed: list[Work[T]] = []

    def run(work: Work[T]) -> None:
        # A work that is still queued when the step ends does not start.
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


# Created by the first step, so that a snapshot of the process holds no threads.
thread_pool = Once(lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="step"))
