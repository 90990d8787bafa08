"""Measure the emulated AWS separately, so that its time can be subtracted from that of the service."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.core.botocore_stubber import BotocoreStubber
from moto.moto_server import werkzeug_app


@dataclass
class Engine:
    """Use of the AWS emulator.

    Attributes:
        calls: Number of calls.
        cpu_s: CPU time in seconds.
        spans: Start and end of each call, in seconds of time.perf_counter().
    """

    calls: int = 0
    cpu_s: float = 0
    spans: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def watch(self) -> None:
        """Start to count calls, from this process and from others over HTTP."""
        places: list[tuple[Any, str]] = [
            (BotocoreStubber, "process_request"),
            (werkzeug_app.DomainDispatcherApplication, "__call__"),
        ]
        for place, name in places:
            setattr(place, name, self._watched(getattr(place, name)))

    def reset(self) -> None:
        self.calls, self.cpu_s, self.spans = 0, 0, []

    def busy_s(self, since: int = 0) -> float:
        """Return the seconds of work on the calls from number `since` on. Overlapping calls count once."""
        busy = until = 0.0
        for started, ended in sorted(self.spans[since:]):
            busy += max(0.0, ended - max(started, until))
            until = max(until, ended)
        return busy

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any) -> Any:
            started, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*args)
            finally:
                self.calls += 1
                self.cpu_s += time.thread_time() - cpu
                self.spans.append((started, time.perf_counter()))

        return watched
