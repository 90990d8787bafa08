"""Report a tenant's usage: totals, per day, provider, model and module, and the usage of its limits."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from nexus_ai.limits import api
from nexus_ai.limits.api import LimitWindow
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import SystemClock, zone_of
from nexus_ai.platform.money import dollars_from_micros
from nexus_ai.platform.schema import Day, Dollars, ParameterModel, ResponseModel
from nexus_ai.platform.settings import get_settings
from nexus_ai.settings.service import settings_service
from nexus_ai.usage.models import NO_PROVIDER, UsageEntry
from nexus_ai.usage.statistics import Tally
from nexus_ai.usage.store import usage_store

# Number of local days, including today.
PERIODS = {"today": 1, "week": 7, "month": 30}
DAYS_MAX = 400


class UsageStatsQuery(ParameterModel):
    """Days to report: a `period` that ends today, or the local days from `from` to `to`, both included.

    The default is the period `month` (30 days).
    """

    period: Literal["today", "week", "month"] | None = None
    since: Day | None = Field(default=None, alias="from")
    until: Day | None = Field(default=None, alias="to")

    @field_validator("since")
    @classmethod
    def _is_not_combined_with_period(cls, since: date | None, known: ValidationInfo) -> date | None:
        if known.data.get("period") is not None:
            raise ValueError("must not be combined with period")
        return since

    @field_validator("until")
    @classmethod
    def _ends_a_range(cls, until: date | None, known: ValidationInfo) -> date | None:
        since: date | None = known.data.get("since")
        if until is None or "since" not in known.data:
            return until
        if since is None:
            raise ValueError("requires from")
        if not 0 <= (until - since).days < DAYS_MAX:
            raise PydanticCustomError(
                "range", "must not be before from, and the range must not exceed {most} days", {"most": DAYS_MAX}
            )
        return until

    def days(self, today: date) -> tuple[date, date]:
        """Return the first and the last day, both included."""
        if self.since is None:
            return today - timedelta(days=PERIODS[self.period or "month"] - 1), today
        latest = self.since + timedelta(days=min(DAYS_MAX - 1, (date.max - self.since).days))
        return self.since, self.until or min(max(today, self.since), latest)


class UsageNumbers(ResponseModel):
    """Usage of a group of requests.

    `requests` counts completed requests, cache hits and errors, but not rejections. Rates are shares of `requests`,
    and null without requests. `p95LatencyMs` is the upper bound of the histogram bucket that holds the percentile.
    """

    requests: int
    cache_hits: int
    rejections: int
    errors: int
    fallbacks: int
    input_tokens: int
    output_tokens: int
    cost_usd: Dollars
    mean_latency_ms: int | None
    p95_latency_ms: int | None
    saved_tokens: int
    saved_cost_usd: Dollars
    error_rate: float | None
    cache_hit_rate: float | None
    fallback_rate: float | None

    @classmethod
    def of(cls, tally: Tally, **names: str | None) -> Self:
        """Return the numbers of a tally, with further fields by `names`."""
        counts = tally.counts
        return cls.model_validate(
            {
                **names,
                "requests": counts.requests,
                "cache_hits": counts.hits,
                "rejections": counts.rejections,
                "errors": counts.errors,
                "fallbacks": counts.fallbacks,
                "input_tokens": counts.input_tokens,
                "output_tokens": counts.output_tokens,
                "cost_usd": dollars_from_micros(counts.cost_micros),
                "mean_latency_ms": tally.mean_latency_ms,
                "p95_latency_ms": tally.p95_latency_ms,
                "saved_tokens": counts.saved_tokens,
                "saved_cost_usd": dollars_from_micros(counts.saved_cost_micros),
                "error_rate": tally.rate(counts.errors),
                "cache_hit_rate": tally.rate(counts.hits),
                "fallback_rate": tally.rate(counts.fallbacks),
            }
        )


class DayUsage(UsageNumbers):
    """Usage of one local day."""

    day: str


class ProviderUsage(UsageNumbers):
    """Usage of one provider; null for requests that reached no provider."""

    provider: str | None


class ModelUsage(ProviderUsage):
    """Usage of one model; null for requests that reached no provider."""

    model: str | None


class ModuleUsage(UsageNumbers):
    """Usage of one module of the CRM."""

    module: str


class UsageStats(ResponseModel):
    """Usage statistics of the tenant.

    Each list adds up to the totals. `from` and `to` are local days, both included. `series` has every day of the range.
    """

    first_day: str = Field(serialization_alias="from")
    last_day: str = Field(serialization_alias="to")
    time_zone: str
    totals: UsageNumbers
    series: tuple[DayUsage, ...]
    by_provider: tuple[ProviderUsage, ...]
    by_model: tuple[ModelUsage, ...]
    by_module: tuple[ModuleUsage, ...]
    limits: tuple[LimitWindow, ...]


type _Roll = tuple[UsageEntry, dict[str, int]]


def get_usage_stats(caller: Caller, query: UsageStatsQuery) -> UsageStats:
    """Return usage statistics from the daily roll-ups, whose number does not depend on the number of requests.

    Raises:
        StoreUnavailable: The store cannot be reached.
    """
    zone = settings_service().settings(caller).preferences.time_zone or get_settings().default_time_zone
    today = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).astimezone(zone_of(zone)).date()
    first, last = query.days(today)
    rolls = list(usage_store().between(caller.tenant_id, first.isoformat(), last.isoformat()))
    by_day = _by(rolls, lambda entry: entry.day)
    days = ((first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1))
    return UsageStats(
        first_day=first.isoformat(),
        last_day=last.isoformat(),
        time_zone=zone,
        totals=UsageNumbers.of(_by(rolls, lambda _: None).get(None, Tally())),
        series=tuple(DayUsage.of(by_day.get(day, Tally()), day=day) for day in days),
        by_provider=tuple(
            ProviderUsage.of(tally, provider=_known_name(provider))
            for provider, tally in _by(rolls, lambda entry: entry.provider).items()
        ),
        by_model=tuple(
            ModelUsage.of(tally, provider=_known_name(provider), model=_known_name(model))
            for (provider, model), tally in _by(rolls, lambda entry: (entry.provider, entry.model)).items()
        ),
        by_module=tuple(
            ModuleUsage.of(tally, module=module) for module, tally in _by(rolls, lambda entry: entry.module).items()
        ),
        limits=api.windows(caller),
    )


def _by[Name: Hashable](rolls: list[_Roll], name: Callable[[UsageEntry], Name]) -> dict[Name, Tally]:
    """Return the sums grouped by `name`, those with the most requests first."""
    tallies: defaultdict[Name, Tally] = defaultdict(Tally)
    for entry, buckets in rolls:
        tallies[name(entry)].add(entry.counts, buckets)
    return dict(sorted(tallies.items(), key=lambda item: (-item[1].counts.requests, str(item[0]))))


def _known_name(name: str) -> str | None:
    return None if name == NO_PROVIDER else name
