"""Find the models and modules with the highest cost in a window, from the roll-ups."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime

from nexus_ai.alerts.models import AlertedLimit, LimitAlert, Spending, Spent
from nexus_ai.platform.clock import zone_of
from nexus_ai.platform.units import DAY_S
from nexus_ai.usage.models import NO_PROVIDER, UsageEntry
from nexus_ai.usage.statistics import Tally
from nexus_ai.usage.store import UsageStore

# Number of models and of modules that an e-mail lists.
SHOWN = 5
HALF_A_MONTH_S = 14 * DAY_S

type _Roll = tuple[UsageEntry, dict[str, int]]


def top_spend(usage: UsageStore, alert: LimitAlert, time_zone: str, now_s: int) -> Spending:
    """Return the highest costs of the alert's window so far. For an hour, these are the costs of its day."""
    first, last = days(alert, time_zone, now_s)
    rolls = list(usage.between(alert.tenant_id, first.isoformat(), last.isoformat()))
    return Spending(
        models=_most_expensive(rolls, lambda entry: f"{entry.provider}/{entry.model}"),
        modules=_most_expensive(rolls, lambda entry: entry.module),
    )


def days(alert: LimitAlert, time_zone: str, now_s: int) -> tuple[date, date]:
    """Return the first and the last local day of the alert's window, not later than today."""
    zone = zone_of(time_zone)
    last = datetime.fromtimestamp(min(alert.window_end - 1, now_s), zone).date()
    if alert.limit is not AlertedLimit.COST_PER_MONTH:
        return last, last
    # If the window has another time zone, its bounds may fall into an adjacent month here. Its middle never does.
    middle = datetime.fromtimestamp(alert.window_end - HALF_A_MONTH_S, zone).date()
    return min(middle.replace(day=1), last), last


def _most_expensive(rolls: Iterable[_Roll], name: Callable[[UsageEntry], str]) -> tuple[Spent, ...]:
    """Return the groups with the highest cost. For equal costs, more tokens come first."""
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for entry, buckets in rolls:
        if entry.provider != NO_PROVIDER:
            tallies[name(entry)].add(entry.counts, buckets)
    spent = [
        Spent(
            name=each,
            tokens=tally.counts.input_tokens + tally.counts.output_tokens,
            cost_micros=tally.counts.cost_micros,
        )
        for each, tally in tallies.items()
    ]
    order = sorted(spent, key=lambda group: (-group.cost_micros, -group.tokens, group.name))
    return tuple(order[:SHOWN])
