"""Limits, windows and reservations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from nexus_ai.limits.windows import window_ends
from nexus_ai.platform.schema import StoredModel

# Stands in the item for "no limit": far above what can be used in a month, far below DynamoDB's 38 digits.
UNLIMITED = 10**15

type PerWindow = tuple[int, int, int]

# A reservation is taken for abandoned this long after the deadline of its request.
ABANDONED_AFTER_MS = 10_000


class Limit(IntEnum):
    """The three limits. The value is the place in every list of three: hour, day, month."""

    REQUESTS_PER_HOUR = 0
    TOKENS_PER_DAY = 1
    COST_PER_MONTH = 2

    @property
    def public_name(self) -> str:
        return ("requestsPerHour", "tokensPerDay", "costPerMonthUsd")[self]


def per_window(numbers: Iterable[int]) -> PerWindow:
    """Return hour, day and month. Windows that only a newer version knows stand behind them."""
    hour, day, month, *_ = numbers
    return hour, day, month


class Amounts(NamedTuple):
    """What is reserved or used of the three limits: requests, tokens, micro-dollars."""

    requests: int
    tokens: int
    cost_micros: int


NOTHING = Amounts(0, 0, 0)


class Level(NamedTuple):
    """How far a limit is used in its window, which is known by its end in seconds since 1970 UTC."""

    limit: Limit
    used: int
    held: int
    maximum: int
    end: int

    def reaches(self, percent: int) -> bool:
        """Whether so much of the limit is used, or may be by what is held. Nothing of no limit, or of one of 0."""
        return 0 < self.maximum < UNLIMITED and 100 * (self.used + self.held) >= percent * self.maximum


class Reservation(BaseModel):
    """What one attempt holds until it is settled.

    `id` is `<request id>.<number of the attempt>`. `ends` are the ends of the three windows it was taken from, in
    seconds since 1970 UTC: an end is a window's identity, since no two windows of a limit end at the same moment.
    `levels` are as the write that opened it left them, where it was watched.
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
        return self.id.partition(".")[0]

    @property
    def number(self) -> int:
        return int(self.id.partition(".")[2])


class ReservationRequest(BaseModel):
    """A reservation that is asked for. `price_known` False is refused while a dollar limit is set.

    `watched` asks for the levels that it leaves: the store then answers with the whole item, its reservations included.
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
    """A reservation that ends, and what its attempt did use of the three limits. `watched` is as in Ask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reservation: Reservation
    used: Amounts
    watched: bool = False


class LimitSettings(BaseModel):
    """What a tenant may use; None = no limit, 0 = blocked. Money in micro-dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_hour: int | None
    tokens_per_day: int | None
    cost_per_month_micros: int | None
    time_zone: str

    @property
    def maxima(self) -> PerWindow:
        """As they stand in the item, UNLIMITED where there is no limit."""
        limits = (self.requests_per_hour, self.tokens_per_day, self.cost_per_month_micros)
        return per_window(UNLIMITED if limit is None else limit for limit in limits)


class LimitItem(StoredModel):
    """A tenant's item as it is stored. An entry of `in_flight` is a list (limits/store.py)."""

    time_zone: str = Field(alias="tz")
    maxima: tuple[int, ...]
    remaining: tuple[int, ...]
    held: tuple[int, ...]
    ends: tuple[int, ...]
    in_flight: Mapping[str, Any] = Field(alias="inFlight")
    swept_at: int | None = Field(default=None, alias="sweptAt")


@dataclass(frozen=True, slots=True)
class LimitState:
    """A tenant's item as plain numbers, in threes of hour, day and month.

    Used is what is neither remaining nor held: `maxima - remaining - held`. `remaining` is negative where a limit was
    lowered below what was used, or an answer cost more than was reserved for it.
    """

    time_zone: str
    maxima: PerWindow
    remaining: PerWindow
    held: PerWindow
    ends: PerWindow
    in_flight: Mapping[str, Reservation]
    # Reservations in a form that this version does not know: they take seats, and nobody here settles them.
    others_in_flight: int = 0
    # When the last sweep of this tenant began, in seconds since 1970 UTC.
    swept_at: int | None = None

    @classmethod
    def unused(cls, settings: LimitSettings, now_s: int) -> "LimitState":
        """That of a tenant that has not called yet."""
        ends = window_ends(now_s, settings.time_zone)
        return cls(settings.time_zone, settings.maxima, settings.maxima, NOTHING, ends, {})

    @property
    def settings(self) -> LimitSettings:
        requests, tokens, cost = (None if maximum == UNLIMITED else maximum for maximum in self.maxima)
        return LimitSettings(
            requests_per_hour=requests, tokens_per_day=tokens, cost_per_month_micros=cost, time_zone=self.time_zone
        )

    @property
    def max_in_flight(self) -> int:
        return len(self.in_flight) + self.others_in_flight

    def used(self, limit: Limit) -> int:
        return self.maxima[limit] - self.remaining[limit] - self.held[limit]

    def at(self, now_s: int) -> "LimitState":
        """As it reads at `now_s`: windows that have ended are new and unused."""
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
        return tuple(
            Level(limit, self.used(limit), self.held[limit], self.maxima[limit], self.ends[limit]) for limit in Limit
        )

    def was_used(self, limit: Limit) -> bool:
        """Whether anything was taken of the window that ends at `ends`, or is held of it."""
        return self.remaining[limit] != self.maxima[limit] or self.held[limit] != 0

    def next_reset(self) -> int | None:
        """When the first of the windows that were used ends; None where none was."""
        return min((self.ends[limit] for limit in Limit if self.was_used(limit)), default=None)
