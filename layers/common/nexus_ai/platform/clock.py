"""Read the clock, compute deadlines and local days, and make ids that sort by time."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

# Time that attempts leave before a request's deadline, for the writes after the provider's response.
SETTLE_S = 2.0


class Clock(Protocol):
    """Source of the current time. Tests pass one that they control."""

    def now_ms(self) -> int:
        """Return milliseconds since the epoch."""
        ...


class SystemClock:
    """Clock of the operating system."""

    def now_ms(self) -> int:
        """Return milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Deadline:
    """Moment by which a response must be sent. `at_ms` is in milliseconds since the epoch."""

    at_ms: int

    def remaining_s(self, clock: Clock) -> float:
        """Return the seconds left; 0 after the deadline."""
        return max(0.0, (self.at_ms - clock.now_ms()) / 1000)


def uuid7(at_ms: int) -> str:
    """Return an id that sorts by time and cannot be guessed (RFC 9562, section 5.7: 48 bits of time, 74 random)."""
    random = secrets.randbits(74)
    value = (at_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def uuid7_floor(at_ms: int) -> str:
    """Return a lower bound, as text, of all ids that `uuid7` makes at `at_ms` or later."""
    text = f"{at_ms & (1 << 48) - 1:012x}"
    return f"{text[:8]}-{text[8:]}"


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its stored name, or UTC if this version's time zone data do not have it.

    A newer version may have saved the name.
    """
    return ZoneInfo(name) if knows_zone(name) else ZoneInfo("UTC")


def knows_zone(name: str) -> bool:
    """Return True if this version's time zone data have the name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # The name is malformed, names a folder of the data, or is unknown (ZoneInfoNotFoundError is a KeyError).
        return False
    return True


def iso(at_ms: int) -> str:
    """Return the moment as RFC 3339 text in UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_day(at_ms: int, time_zone: str) -> str:
    """Return the local date at that time as YYYY-MM-DD. A request belongs to the day in which it started."""
    return datetime.fromtimestamp(at_ms / 1000, zone_of(time_zone)).date().isoformat()
