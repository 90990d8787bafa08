"""Model the limits of a tenant in the simplest way: no store, no conditions and no code of the layer.

Reservations are a dictionary, and reserved amounts are summed up when they are needed. The end of a window is found by
walking through the calendar a quarter of an hour at a time.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

type Verdict = Literal["granted", "price_unknown", "limit_exceeded", "limit_in_flight", "calls_in_flight"]

QUARTER_S = 900
LIMITS = range(3)


@lru_cache(maxsize=10_000)
def ends_of(now_s: int, zone: str) -> tuple[int, int, int]:
    """Return the ends of the hour, the day and the month, in seconds since 1970.

    The zone must be whole quarters of an hour from UTC, and change by whole hours.
    """
    local = datetime.fromtimestamp(now_s, ZoneInfo(zone))
    next_quarter = now_s - now_s % QUARTER_S + QUARTER_S
    hour = next(t for t in range(next_quarter, next_quarter + 3_600, QUARTER_S) if _local(t, zone).minute == 0)
    last_of_month = local.replace(day=28, hour=12, fold=0)
    while (last_of_month + timedelta(days=1)).month == local.month:
        last_of_month += timedelta(days=1)
    return hour, _end_of_day(now_s, zone), _end_of_day(int(last_of_month.timestamp()), zone)


def _end_of_day(now_s: int, zone: str) -> int:
    """Return the end of the last quarter of an hour that belongs to the current local day."""
    today, first = _local(now_s, zone).date(), now_s - now_s % QUARTER_S
    return max(t for t in range(first, first + 27 * 3_600, QUARTER_S) if _local(t, zone).date() == today) + QUARTER_S


def _local(at_s: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at_s, ZoneInfo(zone))


@dataclass(frozen=True)
class OpenReservation:
    amounts: tuple[int, int, int]
    ends: tuple[int, int, int]


@dataclass
class Model:
    """Limits of one tenant. An entry of `maxima` is None without a limit."""

    zone: str
    maxima: tuple[int | None, int | None, int | None]
    ends: tuple[int, int, int]
    max_in_flight: int
    used: list[int] = field(default_factory=lambda: [0, 0, 0])
    open: dict[str, OpenReservation] = field(default_factory=dict[str, OpenReservation])
    # By how much used and reserved amounts may exceed a limit: a completion cost more than reserved, or the limit was
    # lowered.
    excess: list[int] = field(default_factory=lambda: [0, 0, 0])

    def held(self, limit: int, ends: tuple[int, int, int] | None = None) -> int:
        ends = ends or self.ends
        return sum(one.amounts[limit] for one in self.open.values() if one.ends[limit] == ends[limit])

    def running(self, now_s: int) -> tuple[tuple[int, int, int], list[int]]:
        """Return the ends of the current windows, and what is used of them."""
        new = ends_of(now_s, self.zone)
        ended = [end <= now_s for end in self.ends]
        ends = tuple(new[i] if ended[i] else self.ends[i] for i in LIMITS)
        return (ends[0], ends[1], ends[2]), [0 if ended[i] else self.used[i] for i in LIMITS]

    def reserve(
        self,
        name: str,
        amounts: tuple[int, int, int],
        now_s: int,
        *,
        price_known: bool = True,
        closes: tuple[str, tuple[int, int, int]] | None = None,
    ) -> Verdict:
        if not price_known and self.maxima[2] is not None:
            return "price_unknown"
        ends, used = self.running(now_s)
        held = [self.held(i, ends) for i in LIMITS]
        before = self.open.get(closes[0]) if closes else None
        if before and closes:
            for i in LIMITS:
                if before.ends[i] == ends[i]:
                    used[i] += closes[1][i]
                    held[i] -= before.amounts[i]
        if 0 in self.maxima:
            return "limit_exceeded"
        limited = {i: maximum for i, maximum in enumerate(self.maxima) if maximum is not None and amounts[i] > 0}
        if any(used[i] + amounts[i] > maximum for i, maximum in limited.items()):
            return "limit_exceeded"
        if any(used[i] + held[i] + amounts[i] > maximum for i, maximum in limited.items()):
            return "limit_in_flight"
        if before is None and len(self.open) >= self.max_in_flight:
            return "calls_in_flight"
        self._roll(ends)
        if before and closes:
            self.settle(*closes)
        self.open[name] = OpenReservation(amounts, self.ends)
        return "granted"

    def settle(self, name: str, used: tuple[int, int, int]) -> bool:
        closed = self.open.pop(name, None)
        if closed is None:
            return False
        for i in LIMITS:
            if closed.ends[i] == self.ends[i]:
                self.used[i] += used[i]
                self.excess[i] += max(0, used[i] - closed.amounts[i])
        return True

    def change(self, maxima: tuple[int | None, int | None, int | None], zone: str) -> None:
        self.maxima, self.zone = maxima, zone
        for i in LIMITS:
            maximum = maxima[i]
            # Without a limit any amount may be used, so a limit that is set later may be exceeded already.
            over = self.used[i] + self.held(i) - maximum if maximum is not None else 0
            self.excess[i] = max(self.excess[i], over)

    def _roll(self, ends: tuple[int, int, int]) -> None:
        for i in LIMITS:
            if ends[i] != self.ends[i]:
                self.used[i], self.excess[i] = 0, 0
        self.ends = ends
