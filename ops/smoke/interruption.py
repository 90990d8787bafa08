"""Handle signals so that they end a run, but never in the middle of a request.

An interrupted request could still change the deployment after its change was undone. A signal is therefore only noted,
and the run ends before its next request.
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
NOTICE = b"smoke: interrupted, restoring the tenant's settings\n"


class Interruption:
    """Received signal, if any. `exit_status` is the status of a program that the signal has ended."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._deferred = False

    @property
    def exit_status(self) -> int | None:
        return None if self._number is None else 128 + self._number

    @contextmanager
    def installed(self) -> Generator[None]:
        """Note signals within the block instead of ending the process."""
        before = {number: signal.signal(number, self._note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def defer(self) -> None:
        """Ignore signals from now on, so that the clean-up runs to its end."""
        self._deferred = True

    def check(self) -> None:
        """Raise Interrupted if a signal has been received."""
        if self._number is not None and not self._deferred:
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Pause for some seconds, and raise Interrupted as soon as a signal is received."""
        ends_at = time.monotonic() + seconds
        self.check()
        while (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(STEP_S, left))
            self.check()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._number is None:
            self._number = number
            # os.write is safe here, because a handler may run in the middle of a print. A closed terminal is ignored.
            with suppress(OSError):
                os.write(2, NOTICE)
