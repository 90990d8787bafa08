"""Days whose roll-ups are to be compared with their records once they are over: marks in the sparse index `due`.

Whoever writes a record marks its day with the same call of the store, once a process, company and day.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nexus_ai.storage import keys
from nexus_ai.storage.table import Item, Table, delete_together
from nexus_ai.usage.store import Numbers

# How long after a day's end everything that belongs to it has been written, the sweep's part included. It is also more
# than any clock is set forth or back, so that a day need not be known to the hour.
MARGIN_S = 2 * 3600
KEPT_S = 14 * 86_400
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


class DaysToCheck:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._marked: set[tuple[str, str, str]] = set()

    def mark(self, tenant_id: str, day: str, time_zone: str) -> list[tuple[Table, Item]]:
        """The item to put with a record; none where this process has put it."""
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
        """Company and day of all that is to be compared, each once."""
        for shard in keys.usage_check_shards():
            values = {":shard": shard, ":now": now_s}
            found = self._table.query("dueShard = :shard AND dueAt <= :now", values, index=keys.DUE_INDEX)
            yield from dict.fromkeys((item["PK"], item["SK"].split("#")[1]) for item in found)

    def load(self, tenant_id: str, day: str) -> Day | None:
        """None where it was compared meanwhile."""
        values = {":tenant": tenant_id, ":day": f"check#{day}#"}
        items = list(self._table.query("PK = :tenant AND begins_with(SK, :day)", values, consistent=True))
        if not items:
            return None
        zones = tuple(item["SK"].split("#", 2)[2] for item in items)
        # Whose zones are not those that it was added up in is added up anew.
        kept = next((item["progress"] for item in items if item.get("progress", {}).get("zones") == list(zones)), None)
        return Day(tenant_id, day, zones, Progress(kept["after"], kept["sums"]) if kept else None)

    def keep(self, day: Day, progress: Progress) -> None:
        """The next run goes on here."""
        self._table.update(
            keys.usage_check(day.tenant_id, day.day, day.zones[0]),
            "SET progress = :progress",
            {":progress": {"zones": day.zones, "after": progress.after, "sums": progress.sums}},
            condition="attribute_exists(PK)",
        )

    def done(self, day: Day) -> None:
        delete_together([(self._table, keys.usage_check(day.tenant_id, day.day, zone)) for zone in day.zones])


def _begin(day: str, time_zone: str) -> int:
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), ZoneInfo(time_zone)).timestamp())


def _end(day: str, time_zone: str) -> int:
    return _begin((date.fromisoformat(day) + timedelta(days=1)).isoformat(), time_zone)
