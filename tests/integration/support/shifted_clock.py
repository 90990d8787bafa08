"""Shift the system clock of a process, so that no limit window ends during a test."""

import time
from collections.abc import Callable
from typing import Final

from nexus_ai.platform.clock import SystemClock

DAY_MS: Final = 86_400_000
# 12:10 UTC. No hour, day or month ends within 50 minutes of it, in any time zone of whole hours.
MOMENT_MS: Final = 12 * 3_600_000 + 600_000


def yesterdays_noon_shift_ms() -> int:
    """Return what to add to the current time to get 12:10 UTC of the day before, in milliseconds.

    The moment is in the past. The local API Gateway does not shift its time stamps of requests, and functions ignore
    time stamps in the future.
    """
    now_ms = time.time_ns() // 1_000_000
    return MOMENT_MS - DAY_MS - now_ms % DAY_MS


def shifted_now_ms(shift_ms: int) -> Callable[[SystemClock], int]:
    """Return a replacement for `SystemClock.now_ms` that adds `shift_ms`."""

    def now_ms(_: SystemClock) -> int:
        return time.time_ns() // 1_000_000 + shift_ms

    return now_ms
