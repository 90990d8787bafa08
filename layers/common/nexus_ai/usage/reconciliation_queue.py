"""Queue the days to reconcile after they end, as marks in the sparse index `due`.

A process marks a day with the first audit record that it writes for that tenant and day, in the same store operation.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import Item, Table, delete_together
from nexus_ai.platform.clock import knows_zone, zone_of
from nexus_ai.platform.units import DAY_S, HOUR_S
from nexus_ai.usage.models import ReconciliationProgress
from nexus_ai.usage.store import COUNTERS, Numbers

# Time to wait after the end of a day. By then all of its records are written, also those that the sweep closes. The
# wait is longer than any daylight saving change, which the calculated end of a day may ignore.
MARGIN_S = 2 * HOUR_S
MARK_TTL_S = 14 * DAY_S
MAX_REMEMBERED = 4096


class Progress(NamedTuple):
    """Progress of a day's reconciliation: the id of the last record, and the sums by the roll-ups' sort keys."""

    after: str
    sums: dict[str, Numbers]


class Day(NamedTuple):
    """Day of a tenant. `zones` are the time zones of its records: several if the tenant changed its time zone."""

    tenant_id: str
    day: str
    zones: tuple[str, ...]
    progress: Progress | None

    def between_ms(self) -> tuple[int, int]:
        """Return the times between which the day's requests started, with a margin on both sides."""
        first = min(_begin(self.day, zone) for zone in self.zones) - MARGIN_S
        last = max(_end(self.day, zone) for zone in self.zones) + MARGIN_S
        return first * 1000, last * 1000


class ReconciliationQueue:
    """Queue of days to reconcile."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._marked: set[tuple[str, str, str]] = set()

    def mark(self, tenant_id: str, day: str, time_zone: str) -> list[tuple[Table, Item]]:
        """Return the mark to write together with a record.

        The list is empty if this process has already written the mark. Writing a mark again replaces the item, so that
        a reconciliation in progress starts over.
        """
        if (tenant_id, day, time_zone) in self._marked:
            return []
        end_s = _end(day, time_zone)
        item = {
            **keys.usage_check(tenant_id, day, time_zone),
            "dueShard": keys.usage_check_shard(tenant_id),
            "dueAt": end_s + MARGIN_S,
            "expiresAt": end_s + MARK_TTL_S,
        }
        return [(self._table, item)]

    def marked(self, tenant_id: str, day: str, time_zone: str) -> None:
        """Remember that the mark was written."""
        if len(self._marked) >= MAX_REMEMBERED:
            self._marked.clear()
        self._marked.add((tenant_id, day, time_zone))

    def due(self, now_s: int) -> Iterator[tuple[str, str]]:
        """Yield tenant and day of everything that is due, each once.

        Skips marks in a form that only a newer version knows.
        """
        for shard in keys.usage_check_shards():
            values = {":shard": shard, ":now": now_s}
            found = self._table.query("dueShard = :shard AND dueAt <= :now", values, index=keys.DUE_INDEX)
            marks = ((item["PK"], _mark(item)) for item in found)
            yield from dict.fromkeys((tenant_id, mark.day) for tenant_id, mark in marks if mark)

    def load(self, tenant_id: str, day: str) -> Day | None:
        """Return a day that is due.

        None if another run has reconciled it, or if a mark has a time zone that this version does not know: the
        bounds of that day are then unknown.
        """
        values = {":tenant": tenant_id, ":day": f"check#{day}#"}
        found = self._table.query("PK = :tenant AND begins_with(SK, :day)", values, consistent=True)
        marks = {mark.time_zone: item for item in found if (mark := _mark(item))}
        zones = tuple(marks)
        if not zones or not all(map(knows_zone, zones)):
            return None
        saved = [
            ReconciliationProgress.model_validate(item["progress"]) for item in marks.values() if "progress" in item
        ]
        # Progress with other zones or other counters is useless: the sums start over.
        usable = next((each for each in saved if (each.zones, each.counters) == (zones, COUNTERS)), None)
        sums = {name: dict(numbers) for name, numbers in usable.sums.items()} if usable else {}
        return Day(tenant_id, day, zones, Progress(usable.after, sums) if usable else None)

    def save_progress(self, day: Day, progress: Progress) -> None:
        """Store the progress, so that the next run continues there. Replaces earlier progress."""
        saved = ReconciliationProgress(after=progress.after, sums=progress.sums, zones=day.zones, counters=COUNTERS)
        self._table.set_fields(
            keys.usage_check(day.tenant_id, day.day, day.zones[0]),
            {"progress": saved.model_dump()},
            condition="attribute_exists(PK)",
        )

    def done(self, day: Day) -> None:
        """Remove the day's marks."""
        delete_together([(self._table, keys.usage_check(day.tenant_id, day.day, zone)) for zone in day.zones])


class _Mark(NamedTuple):
    day: str
    time_zone: str


def _mark(item: Item) -> _Mark | None:
    """Parse the sort key of a mark. Return None for a key of another form."""
    match item["SK"].split("#"):
        case ["check", day, time_zone]:
            return _Mark(day, time_zone)
        case _:
            return None


def _begin(day: str, time_zone: str) -> int:
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), zone_of(time_zone)).timestamp())


def _end(day: str, time_zone: str) -> int:
    return _begin((date.fromisoformat(day) + timedelta(days=1)).isoformat(), time_zone)
