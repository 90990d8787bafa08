"""Signals that end a run, but never in the middle of a request.

An interrupted request may still change something on the other side after its change was undone. So a signal is only
noted, and the run ends before its next request.
"""

import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

from ops.smoke.outcomes import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STEP_S = 0.5
NOTICE = b"smoke: interrupted, the tenant's settings are put back now\n"


class Interruption:
    """The signal that arrived, if any. `exit_status` is that of a program ended by it."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._deferred = False

    @property
    def exit_status(self) -> int | None:
        return None if self._number is None else 128 + self._number

    @contextmanager
    def installed(self) -> Generator[None]:
        """Note the signals instead of being ended by them."""
        before = {number: signal.signal(number, self._note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def defer(self) -> None:
        """Let signals end nothing from now on: what follows is the clean-up."""
        self._deferred = True

    def check(self) -> None:
        """Raise Interrupted if a signal arrived."""
        if self._number is not None and not self._deferred:
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Pause for so long. Raises Interrupted."""
        ends_at = time.monotonic() + seconds
        self.check()
        while (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(STEP_S, left))
            self.check()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._number is None:
            self._number = number
            # Not by print: a handler may run in the middle of another print. A closed terminal takes no notice.
            with suppress(OSError):
                os.write(2, NOTICE)
