"""Define the models of limits, windows and reservations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from nexus_ai.limits.windows import window_ends
from nexus_ai.platform.schema import StoredModel

# Stored value that means "no limit". It is far above any monthly use and far below DynamoDB's 38 digits.
UNLIMITED = 10**15

type PerWindow = tuple[int, int, int]

# A reservation counts as abandoned this long after the deadline of its request.
ABANDONED_AFTER_MS = 10_000


class Limit(IntEnum):
    """The three limits. The value is the index in every list of hour, day and month."""

    REQUESTS_PER_HOUR = 0
    TOKENS_PER_DAY = 1
    COST_PER_MONTH = 2

    @property
    def public_name(self) -> str:
        """Name of the limit in the API."""
        return ("requestsPerHour", "tokensPerDay", "costPerMonthUsd")[self]


def per_window(numbers: Iterable[int]) -> PerWindow:
    """Return the numbers of hour, day and month. Ignore further windows, which only a newer version knows."""
    hour, day, month, *_ = numbers
    return hour, day, month


class Amounts(NamedTuple):
    """Amounts that are reserved or used: requests, tokens and micro-dollars."""

    requests: int
    tokens: int
    cost_micros: int


NOTHING = Amounts(0, 0, 0)


class Level(NamedTuple):
    """Usage of a limit in one window. `held` is reserved; `end` (seconds since 1970 UTC) identifies the window."""

    limit: Limit
    used: int
    held: int
    maximum: int
    end: int

    def reaches(self, percent: int) -> bool:
        """Return True if used and reserved amounts reach `percent` of the limit.

        Always False without a limit and for a limit of 0.
        """
        return 0 < self.maximum < UNLIMITED and 100 * (self.used + self.held) >= percent * self.maximum


class Reservation(BaseModel):
    """Amounts that are reserved for one attempt until it is settled.

    Attributes:
        id: `<request id>.<number of the attempt>`.
        ends: Ends of the three windows, in seconds since 1970 UTC. An end identifies a window, because no two windows
            of a limit end at the same moment.
        levels: Usage after the reservation was opened. Empty if the request for it was not `watched`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    amounts: Amounts
    deadline_ms: int
    provider: str
    model: str
    ends: PerWindow
    levels: tuple[Level, ...] = ()

    @property
    def request_id(self) -> str:
        """Id of the request that the attempt belongs to."""
        return self.id.partition(".")[0]

    @property
    def number(self) -> int:
        """Number of the attempt within its request."""
        return int(self.id.partition(".")[2])


class ReservationRequest(BaseModel):
    """Request for a reservation.

    Attributes:
        price_known: If False, the reservation is refused while a dollar limit is set.
        watched: If True, the reservation comes with the usage after it. The write then returns the complete item.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    amounts: Amounts
    deadline_ms: int
    provider: str
    model: str
    price_known: bool = True
    watched: bool = False


class Settlement(BaseModel):
    """End of a reservation, with what its attempt used. `watched` is as in ReservationRequest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reservation: Reservation
    used: Amounts
    watched: bool = False


class LimitSettings(BaseModel):
    """Limits and time zone of a tenant. None means no limit, 0 blocks; money is in micro-dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_hour: int | None
    tokens_per_day: int | None
    cost_per_month_micros: int | None
    time_zone: str

    @property
    def maxima(self) -> PerWindow:
        """Limits as they are stored, with UNLIMITED for no limit."""
        limits = (self.requests_per_hour, self.tokens_per_day, self.cost_per_month_micros)
        return per_window(UNLIMITED if limit is None else limit for limit in limits)


class LimitItem(StoredModel):
    """Stored item of a tenant's limits. Each reservation in `in_flight` is a list (see limits/store.py)."""

    time_zone: str = Field(alias="tz")
    maxima: tuple[int, ...]
    remaining: tuple[int, ...]
    held: tuple[int, ...]
    ends: tuple[int, ...]
    in_flight: Mapping[str, Any] = Field(alias="inFlight")
    swept_at: int | None = Field(default=None, alias="sweptAt")


@dataclass(frozen=True, slots=True)
class LimitState:
    """Limits of a tenant, their remaining amounts and the reservations in flight. Tuples hold hour, day and month.

    The used amount is `maxima - remaining - held`. `remaining` is negative if a limit was lowered below the used
    amount, or if a response cost more than was reserved for it.
    """

    time_zone: str
    maxima: PerWindow
    remaining: PerWindow
    held: PerWindow
    ends: PerWindow
    in_flight: Mapping[str, Reservation]
    # Reservations in a form that only a newer version knows. They count as in flight; this version cannot settle them.
    others_in_flight: int = 0
    # When the last sweep of this tenant began, in seconds since 1970 UTC.
    swept_at: int | None = None

    @classmethod
    def unused(cls, settings: LimitSettings, now_s: int) -> "LimitState":
        """Return the state of a tenant that has made no request yet."""
        ends = window_ends(now_s, settings.time_zone)
        return cls(settings.time_zone, settings.maxima, settings.maxima, NOTHING, ends, {})

    @property
    def settings(self) -> LimitSettings:
        """Limits and time zone of this state."""
        requests, tokens, cost = (None if maximum == UNLIMITED else maximum for maximum in self.maxima)
        return LimitSettings(
            requests_per_hour=requests, tokens_per_day=tokens, cost_per_month_micros=cost, time_zone=self.time_zone
        )

    @property
    def in_flight_count(self) -> int:
        """Number of reservations in flight, including those in an unknown form."""
        return len(self.in_flight) + self.others_in_flight

    def used(self, limit: Limit) -> int:
        """Return the settled use of a limit in its window, without reserved amounts."""
        return self.maxima[limit] - self.remaining[limit] - self.held[limit]

    def at(self, now_s: int) -> "LimitState":
        """Return the state at `now_s`. Windows that have ended are replaced by new, unused ones."""
        if all(end > now_s for end in self.ends):
            return self
        new = window_ends(now_s, self.time_zone)
        ended = [end <= now_s for end in self.ends]
        return replace(
            self,
            remaining=per_window(self.maxima[i] if ended[i] else self.remaining[i] for i in Limit),
            held=per_window(0 if ended[i] else self.held[i] for i in Limit),
            ends=per_window(new[i] if ended[i] else self.ends[i] for i in Limit),
        )

    def levels(self) -> tuple[Level, ...]:
        """Return the usage of every limit."""
        return tuple(
            Level(limit, self.used(limit), self.held[limit], self.maxima[limit], self.ends[limit]) for limit in Limit
        )

    def was_used(self, limit: Limit) -> bool:
        """Return True if anything was used or is reserved in the window of this limit."""
        return self.remaining[limit] != self.maxima[limit] or self.held[limit] != 0

    def next_reset(self) -> int | None:
        """Return the earliest end of the windows that were used, or None if none was."""
        return min((self.ends[limit] for limit in Limit if self.was_used(limit)), default=None)
