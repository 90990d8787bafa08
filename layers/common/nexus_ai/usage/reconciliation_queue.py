"""Days whose roll-ups are to be compared with their records once they are over: marks in the sparse index `due`.

Whoever writes a record marks its day with the same call of the store, once a process, company and day.
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

# How long after a day's end everything that belongs to it has been written, the sweep's part included. It is also more
# than any clock is set forth or back, so that a day need not be known to the hour.
MARGIN_S = 2 * HOUR_S
KEPT_S = 14 * DAY_S
DAYS_REMEMBERED = 4096


class Progress(NamedTuple):
    """How far a day was added up: the last record, and the sums by the roll-ups' sort keys."""

    after: str
    sums: dict[str, Numbers]


class Day(NamedTuple):
    """A company's day. `zones` are those that it was counted in; more than one where the company changed its zone."""

    tenant_id: str
    day: str
    zones: tuple[str, ...]
    progress: Progress | None

    def between_ms(self) -> tuple[int, int]:
        """Within which time its calls began, with some time around it."""
        first = min(_begin(self.day, zone) for zone in self.zones) - MARGIN_S
        last = max(_end(self.day, zone) for zone in self.zones) + MARGIN_S
        return first * 1000, last * 1000


class ReconciliationQueue:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._marked: set[tuple[str, str, str]] = set()

    def mark(self, tenant_id: str, day: str, time_zone: str) -> list[tuple[Table, Item]]:
        """Return the item to put with a record; none where this process has put it.

        A mark is put whole. A comparison that was begun begins anew then.
        """
        if (tenant_id, day, time_zone) in self._marked:
            return []
        over = _end(day, time_zone)
        item = {
            **keys.usage_check(tenant_id, day, time_zone),
            "dueShard": keys.usage_check_shard(tenant_id),
            "dueAt": over + MARGIN_S,
            "expiresAt": over + KEPT_S,
        }
        return [(self._table, item)]

    def marked(self, tenant_id: str, day: str, time_zone: str) -> None:
        if len(self._marked) >= DAYS_REMEMBERED:
            self._marked.clear()
        self._marked.add((tenant_id, day, time_zone))

    def due(self, now_s: int) -> Iterator[tuple[str, str]]:
        """Yield tenant and day of all that is to be compared, each once.

        Marks in a form that this version does not know are left to the version that does.
        """
        for shard in keys.usage_check_shards():
            values = {":shard": shard, ":now": now_s}
            found = self._table.query("dueShard = :shard AND dueAt <= :now", values, index=keys.DUE_INDEX)
            marks = ((item["PK"], _mark(item)) for item in found)
            yield from dict.fromkeys((tenant_id, mark.day) for tenant_id, mark in marks if mark)

    def load(self, tenant_id: str, day: str) -> Day | None:
        """Return a day that is to be compared; None where it was compared meanwhile.

        None as well where a mark names a time zone that this version does not know: nobody here can say when that day
        began and ended.
        """
        values = {":tenant": tenant_id, ":day": f"check#{day}#"}
        found = self._table.query("PK = :tenant AND begins_with(SK, :day)", values, consistent=True)
        marks = {mark.time_zone: item for item in found if (mark := _mark(item))}
        zones = tuple(marks)
        if not zones or not all(map(knows_zone, zones)):
            return None
        begun = [
            ReconciliationProgress.model_validate(item["progress"]) for item in marks.values() if "progress" in item
        ]
        # In other zones, or with other counters, it is added up anew.
        kept = next((each for each in begun if (each.zones, each.counters) == (zones, COUNTERS)), None)
        sums = {name: dict(numbers) for name, numbers in kept.sums.items()} if kept else {}
        return Day(tenant_id, day, zones, Progress(kept.after, sums) if kept else None)

    def keep(self, day: Day, progress: Progress) -> None:
        """Let the next run go on here. The progress before it is replaced whole."""
        begun = ReconciliationProgress(after=progress.after, sums=progress.sums, zones=day.zones, counters=COUNTERS)
        self._table.set_fields(
            keys.usage_check(day.tenant_id, day.day, day.zones[0]),
            {"progress": begun.model_dump()},
            condition="attribute_exists(PK)",
        )

    def done(self, day: Day) -> None:
        delete_together([(self._table, keys.usage_check(day.tenant_id, day.day, zone)) for zone in day.zones])


class _Mark(NamedTuple):
    day: str
    time_zone: str


def _mark(item: Item) -> _Mark | None:
    """Return what a mark's sort key says; None for a key of another form."""
    match item["SK"].split("#"):
        case ["check", day, time_zone]:
            return _Mark(day, time_zone)
        case _:
            return None


def _begin(day: str, time_zone: str) -> int:
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), zone_of(time_zone)).timestamp())


def _end(day: str, time_zone: str) -> int:
    return _begin((date.fromisoformat(day) + timedelta(days=1)).isoformat(), time_zone)
