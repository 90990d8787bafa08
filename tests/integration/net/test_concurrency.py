"""Work side by side: what a step waits for, what it stops, and what nothing outlives."""

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
named: ContextVar[str] = ContextVar("named")


def test_works_of_a_step_run_side_by_side_the_last_in_the_threads_own() -> None:
    """Each of them ends only once all have begun."""
    all_three = threading.Barrier(3)

    def meet() -> int:
        all_three.wait(LONG_S)
        return threading.get_ident()

    works = [Work(meet) for _ in range(3)]
    run_step(works)

    threads = [work.result() for work in works]
    assert threads[-1] == threading.get_ident()
    assert len(set(threads)) == 3


def test_a_step_ends_when_the_last_of_its_works_has_ended_whatever_became_of_the_others() -> None:
    happened: list[str] = []
    has_failed = threading.Event()

    def fail() -> None:
        has_failed.set()
        raise LookupError("work")

    def go_on() -> str:
        has_failed.wait(LONG_S)
        assert pause(0.01)
        happened.append("went on")
        return "done"

    works: list[Work[object]] = [Work(go_on), Work(fail), Work(go_on)]
    run_step(works)

    assert happened == ["went on"] * 2
    assert (works[0].result(), works[2].result()) == ("done", "done")
    with pytest.raises(LookupError, match="work"):
        works[1].result()


def test_a_step_of_no_work_ends_at_once() -> None:
    run_step([])
    assert run_all([]) == []


def test_what_waits_when_the_time_of_a_step_is_over_ends_and_does_no_more() -> None:
    def wait() -> bool:
        return pause(LONG_S)

    works = [Work(wait) for _ in range(3)]
    began = time.monotonic()
    run_step(works, timeout_s=0.05)

    assert time.monotonic() - began < LONG_S / 2
    assert [work.result() for work in works] == [False] * 3


def test_what_cannot_be_interrupted_is_not_waited_for_and_sends_nothing_later() -> None:
    end, ended = threading.Event(), threading.Event()
    left: list[float] = []

    def block() -> None:
        end.wait(LONG_S)
        left.append(time_left())
        assert not pause(LONG_S)
        ended.set()

    blocked, other = Work(block), Work(lambda: "done")
    began = time.monotonic()
    run_step([blocked, other], timeout_s=0.05)

    assert time.monotonic() - began < LONG_S / 2
    assert (blocked.is_done, other.result()) == (False, "done")
    with pytest.raises(StoreUnavailable):
        blocked.result()
    end.set()
    assert ended.wait(LONG_S)
    assert left == [0]


def test_what_no_thread_was_free_for_until_the_step_ended_is_never_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "THREADS", 1)
    concurrency.thread_pool.cache_clear()
    begun: list[str] = []
    end = threading.Event()

    def block() -> None:
        end.wait(LONG_S)

    try:
        first, second = Work(block), Work(lambda: begun.append("second"))
        run_step([first, second, Work(lambda: None)], timeout_s=0.05)
        end.set()
        after = Work(lambda: begun.append("after"))
        run_step([after, Work(lambda: None)])
        after.result()
        assert begun == ["after"]
    finally:
        concurrency.thread_pool().shutdown()
        concurrency.thread_pool.cache_clear()


def test_results_come_in_the_order_of_their_functions() -> None:
    second_is_done = threading.Event()

    def first() -> str:
        second_is_done.wait(LONG_S)
        return "first"

    def second() -> str:
        second_is_done.set()
        return "second"

    assert run_all([first, second]) == ["first", "second"]


def test_the_error_that_came_first_is_raised_and_stops_the_others() -> None:
    is_waiting = threading.Event()
    went_on: list[bool] = []

    def wait() -> None:
        is_waiting.set()
        went_on.append(pause(LONG_S))
        raise StoreUnavailable

    def fail() -> None:
        is_waiting.wait(LONG_S)
        raise LookupError("first")

    began = time.monotonic()
    with pytest.raises(LookupError, match="first"):
        run_all([wait, fail])
    assert time.monotonic() - began < LONG_S / 2
    assert went_on == [False]


@pytest.mark.parametrize("while_waiting", [True, False])
def test_an_interrupt_of_the_steps_thread_stops_the_works(
    monkeypatch: pytest.MonkeyPatch, *, while_waiting: bool
) -> None:
    """As by Ctrl-C, which the main thread is told of while it works or waits."""
    went_on: list[bool] = []
    is_waiting, ended = threading.Event(), threading.Event()

    def wait() -> None:
        is_waiting.set()
        went_on.append(pause(LONG_S))
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
    assert went_on == [False]


def test_a_work_has_the_context_variables_of_its_step_and_its_own_from_there_on() -> None:
    named.set("step")
    both = threading.Barrier(2)

    def work(name: str) -> tuple[str, str]:
        before = named.get()
        named.set(name)
        both.wait(LONG_S)
        return before, named.get()

    assert run_all([lambda: work("one"), lambda: work("two")]) == [("step", "one"), ("step", "two")]
    assert named.get() == "step"


def test_a_work_begins_no_step() -> None:
    with pytest.raises(RuntimeError):
        run_all([lambda: run_step([])])
    with pytest.raises(RuntimeError):
        run_all([lambda: run_all([lambda: None])])


def test_the_earlier_of_two_deadlines_holds() -> None:
    assert time_left() == inf
    with deadline(LONG_S):
        with deadline(1000):
            assert 0 < time_left() <= LONG_S
        with deadline(0):
            assert (time_left(), pause(LONG_S)) == (0, False)
        assert run_all([lambda: time_left() <= LONG_S] * 2) == [True, True]
        assert time_left() > 1
    assert time_left() == inf


def test_a_pause_without_a_deadline_is_as_long_as_it_says() -> None:
    began = time.monotonic()
    assert pause(0.02)
    assert time.monotonic() - began >= 0.02


class Payload:
    """What an error, or a function, keeps alive."""


def test_a_step_leaves_no_cycles_behind() -> None:
    """A warm function looks for cycles seldom, and a request's texts are in its closures."""
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
