"""The engine behind the store, AWS's in a deployment: what it takes is measured apart, and can be taken out."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.core.botocore_stubber import BotocoreStubber
from moto.moto_server import werkzeug_app


@dataclass
class Engine:
    """How often it was called, the CPU that it took, and when it was at work, in seconds of time.perf_counter()."""

    calls: int = 0
    cpu_s: float = 0
    spans: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def watch(self) -> None:
        """From here on, whether it is called from this process or from another one by HTTP."""
        places: list[tuple[Any, str]] = [
            (BotocoreStubber, "process_request"),
            (werkzeug_app.DomainDispatcherApplication, "__call__"),
        ]
        for place, name in places:
            setattr(place, name, self._watched(getattr(place, name)))

    def reset(self) -> None:
        self.calls, self.cpu_s, self.spans = 0, 0, []

    def busy_s(self, since: int = 0) -> float:
        """How long it was at work on the calls from number `since` on. Calls side by side take their time once."""
        busy = until = 0.0
        for began, ended in sorted(self.spans[since:]):
            busy += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return busy

    def _watched(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any) -> Any:
            began, cpu = time.perf_counter(), time.thread_time()
            try:
                return answer(*args)
            finally:
                self.calls += 1
                self.cpu_s += time.thread_time() - cpu
                self.spans.append((began, time.perf_counter()))

        return watched
