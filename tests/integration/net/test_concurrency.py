"""Test concurrent works: what a step waits for, what it stops, and that nothing outlives it."""

import gc
import threading
import time
import weakref
from contextvars import ContextVar
from math import inf

import pytest

from nexus_ai.net import concurrency
from nexus_ai.net.concurrency import Work, deadline, pause, run_all, run_step, time_left
from nexus_ai.platform.errors import StoreUnavailable

LONG_S = 20
current_name: ContextVar[str] = ContextVar("named")


def test_works_run_concurrently_and_the_last_in_the_own_thread() -> None:
    """Let each work end only after all have started."""
    all_three = threading.Barrier(3)

    def meet() -> int:
        all_three.wait(LONG_S)
        return threading.get_ident()

    works = [Work(meet) for _ in range(3)]
    run_step(works)

    threads = [work.result() for work in works]
    assert threads[-1] == threading.get_ident()
    assert len(set(threads)) == 3


def test_step_ends_after_all_works_even_if_one_fails() -> None:
    events: list[str] = []
    has_failed = threading.Event()

    def fail() -> None:
        has_failed.set()
        raise LookupError("work")

    def continue_after_failure() -> str:
        has_failed.wait(LONG_S)
        assert pause(0.01)
        events.append("continued")
        return "done"

    works: list[Work[object]] = [Work(continue_after_failure), Work(fail), Work(continue_after_failure)]
    run_step(works)

    assert events == ["continued"] * 2
    assert (works[0].result(), works[2].result()) == ("done", "done")
    with pytest.raises(LookupError, match="work"):
        works[1].result()


def test_step_without_work_ends_at_once() -> None:
    run_step([])
    assert run_all([]) == []


def test_waiting_work_ends_at_the_timeout_of_its_step() -> None:
    def wait() -> bool:
        return pause(LONG_S)

    works = [Work(wait) for _ in range(3)]
    started_at = time.monotonic()
    run_step(works, timeout_s=0.05)

    assert time.monotonic() - started_at < LONG_S / 2
    assert [work.result() for work in works] == [False] * 3


def test_blocked_work_is_left_and_has_no_time_afterwards() -> None:
    end, ended = threading.Event(), threading.Event()
    remaining: list[float] = []

    def block() -> None:
        end.wait(LONG_S)
        remaining.append(time_left())
        assert not pause(LONG_S)
        ended.set()

    blocked, other = Work(block), Work(lambda: "done")
    started_at = time.monotonic()
    run_step([blocked, other], timeout_s=0.05)

    assert time.monotonic() - started_at < LONG_S / 2
    assert (blocked.is_done, other.result()) == (False, "done")
    with pytest.raises(StoreUnavailable):
        blocked.result()
    end.set()
    assert ended.wait(LONG_S)
    assert remaining == [0]


def test_work_without_a_free_thread_is_never_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "THREADS", 1)
    concurrency.thread_pool.cache_clear()
    started: list[str] = []
    end = threading.Event()

    def block() -> None:
        end.wait(LONG_S)

    try:
        first, second = Work(block), Work(lambda: started.append("second"))
        run_step([first, second, Work(lambda: None)], timeout_s=0.05)
        end.set()
        after = Work(lambda: started.append("after"))
        run_step([after, Work(lambda: None)])
        after.result()
        assert started == ["after"]
    finally:
        concurrency.thread_pool().shutdown()
        concurrency.thread_pool.cache_clear()


def test_results_are_in_the_order_of_their_functions() -> None:
    second_is_done = threading.Event()

    def first() -> str:
        second_is_done.wait(LONG_S)
        return "first"

    def second() -> str:
        second_is_done.set()
        return "second"

    assert run_all([first, second]) == ["first", "second"]


def test_first_error_is_raised_and_stops_the_others() -> None:
    is_waiting = threading.Event()
    continued: list[bool] = []

    def wait() -> None:
        is_waiting.set()
        continued.append(pause(LONG_S))
        raise StoreUnavailable

    def fail() -> None:
        is_waiting.wait(LONG_S)
        raise LookupError("first")

    started_at = time.monotonic()
    with pytest.raises(LookupError, match="first"):
        run_all([wait, fail])
    assert time.monotonic() - started_at < LONG_S / 2
    assert continued == [False]


@pytest.mark.parametrize("while_waiting", [True, False])
def test_interrupt_stops_the_works(monkeypatch: pytest.MonkeyPatch, *, while_waiting: bool) -> None:
    """Simulate Ctrl-C, which reaches the main thread while it works or waits."""
    continued: list[bool] = []
    is_waiting, ended = threading.Event(), threading.Event()

    def wait() -> None:
        is_waiting.set()
        continued.append(pause(LONG_S))
        ended.set()

    def interrupted(*_: object) -> None:
        assert is_waiting.wait(LONG_S)
        raise KeyboardInterrupt

    own = Work(interrupted)
    if while_waiting:
        own = Work(lambda: None)
        monkeypatch.setattr(concurrency, "_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_step([Work(wait), own])
    assert ended.wait(LONG_S)
    assert continued == [False]


def test_work_has_its_own_copy_of_the_context_variables() -> None:
    current_name.set("step")
    both = threading.Barrier(2)

    def work(name: str) -> tuple[str, str]:
        before = current_name.get()
        current_name.set(name)
        both.wait(LONG_S)
        return before, current_name.get()

    assert run_all([lambda: work("one"), lambda: work("two")]) == [("step", "one"), ("step", "two")]
    assert current_name.get() == "step"


def test_work_cannot_start_a_step() -> None:
    with pytest.raises(RuntimeError):
        run_all([lambda: run_step([])])
    with pytest.raises(RuntimeError):
        run_all([lambda: run_all([lambda: None])])


def test_earlier_of_two_deadlines_holds() -> None:
    assert time_left() == inf
    with deadline(LONG_S):
        with deadline(1000):
            assert 0 < time_left() <= LONG_S
        with deadline(0):
            assert (time_left(), pause(LONG_S)) == (0, False)
        assert run_all([lambda: time_left() <= LONG_S] * 2) == [True, True]
        assert time_left() > 1
    assert time_left() == inf


def test_pause_without_a_deadline_has_its_full_length() -> None:
    started_at = time.monotonic()
    assert pause(0.02)
    assert time.monotonic() - started_at >= 0.02


class Payload:
    """Object that an error or a function keeps alive."""


def test_step_leaves_no_reference_cycles() -> None:
    """A warm function seldom collects cycles, and a request's texts are in its closures."""
    gc.collect()
    gc.disable()
    try:
        payloads: list[weakref.ref[Payload]] = []

        def step() -> None:
            payload = Payload()
            payloads.append(weakref.ref(payload))

            def fail() -> None:
                raise LookupError(payload)

            works = [Work(fail), Work(lambda: payload), Work(fail)]
            run_step(works)
            for work in works:
                try:
                    work.result()
                except LookupError:
                    continue

        step()
        # An idle thread keeps its last work.
        concurrency.thread_pool().shutdown()
        concurrency.thread_pool.cache_clear()
        assert [each() for each in payloads] == [None]
    finally:
        gc.enable()
