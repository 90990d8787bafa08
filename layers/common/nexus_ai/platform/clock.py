"""Time: the clock, the deadline of a request, and ids that sort by time."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

# What attempts leave of a request's deadline for the writes after the provider's response.
SETTLE_S = 2.0


class Clock(Protocol):
    """Where the time comes from. Tests hand in one that they move."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which an answer must be on its way, in milliseconds since 1970 UTC."""

    at_ms: int

    def remaining_s(self, clock: Clock) -> float:
        """Seconds left; never negative."""
        return max(0.0, (self.at_ms - clock.now_ms()) / 1000)


def uuid7(at_ms: int) -> str:
    """An id that sorts by its time and cannot be guessed (RFC 9562, section 5.7: 48 bits of time, 74 random ones)."""
    random = secrets.randbits(74)
    value = (at_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def uuid7_floor(at_ms: int) -> str:
    """The smallest text that any id of `uuid7` made at `at_ms` or later can have."""
    text = f"{at_ms & (1 << 48) - 1:012x}"
    return f"{text[:8]}-{text[8:]}"


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its stored name.

    UTC stands in for a name that the time zone data of this version do not have: a newer version may have saved it.
    """
    return ZoneInfo(name) if knows_zone(name) else ZoneInfo("UTC")


def knows_zone(name: str) -> bool:
    """Say if the time zone data of this version have the name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # Malformed, a folder of the data, or not there (ZoneInfoNotFoundError).
        return False
    return True


def iso(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_day(at_ms: int, time_zone: str) -> str:
    """The local date at that time, as YYYY-MM-DD: a request belongs to the day it began in."""
    return datetime.fromtimestamp(at_ms / 1000, zone_of(time_zone)).date().isoformat()
