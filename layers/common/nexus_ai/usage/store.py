"""Store roll-ups: one item per day, provider, model and module, with one UpdateItem per request and item."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime

from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.keys import Key
from nexus_ai.aws.dynamodb.table import Item, Table
from nexus_ai.platform.settings import get_settings
from nexus_ai.platform.units import DAY_S
from nexus_ai.usage.models import LATENCY_BUCKETS_MS, Counts, UsageEntry

# Counters of a stored roll-up by their names, without those that are 0.
type Numbers = dict[str, int]
# All counters of this version, including the latency buckets. Other attributes of an item are a newer version's.
COUNTERS = (*Counts.model_fields, *(f"latency{number}" for number in range(len(LATENCY_BUCKETS_MS) + 1)))


def latency_bucket(latency_ms: int) -> str:
    """Return the name of the bucket that a latency belongs to."""
    return f"latency{bisect_left(LATENCY_BUCKETS_MS, latency_ms)}"


def numbers(entry: UsageEntry) -> Numbers:
    """Return the counters that an entry adds to its roll-up."""
    added = {name: number for name, number in entry.counts.model_dump().items() if number}
    if entry.latency_ms is not None:
        added |= {latency_bucket(entry.latency_ms): 1}
    return added


class UsageStore:
    """Store of roll-ups. They expire after `days`, together with the metadata of their audit records."""

    def __init__(self, table: Table, *, days: int) -> None:
        self._table = table
        self._kept_s = days * DAY_S

    def add(self, tenant_id: str, entry: UsageEntry) -> None:
        """Add the counters of an entry. The write is not repeated after a lost response: it may have been applied."""
        added = numbers(entry)
        if not added:
            return
        self._table.update(
            keys.usage(tenant_id, entry.day, entry.provider, entry.model, entry.module),
            "SET expiresAt = :expiresAt ADD " + ", ".join(f"{name} :{name}" for name in added),
            {f":{name}": number for name, number in added.items()} | {":expiresAt": self._expires_at(entry.day)},
            repeatable=False,
        )

    def between(self, tenant_id: str, first_day: str, last_day: str) -> Iterator[tuple[UsageEntry, dict[str, int]]]:
        """Yield every roll-up of the days, both included, with its latency buckets.

        Skips roll-ups with other dimensions: they are a newer version's and count the same requests again.
        """
        values = {":tenant": tenant_id, ":first": first_day, ":last": f"{last_day}#\uffff"}
        for item in self._table.query("PK = :tenant AND SK BETWEEN :first AND :last", values):
            entry, counted = _entry(item), _numbers(item)
            if entry and counted:
                yield entry, {name: count for name, count in counted.items() if name not in Counts.model_fields}

    def of_day(self, tenant_id: str, day: str) -> dict[str, Numbers]:
        """Return the counters of a day's roll-ups by their sort keys, without those of newer versions."""
        values = {":tenant": tenant_id, ":day": f"{day}#"}
        found = self._table.query("PK = :tenant AND begins_with(SK, :day)", values, consistent=True)
        return {item["SK"]: _numbers(item) for item in found if _entry(item)}

    def correct(self, tenant_id: str, day: str, name: str, was: Numbers, is_: Numbers) -> None:
        """Set the counters of a roll-up from `was` to `is_`.

        Without new counters the roll-up is deleted, unless a newer version has further counters in it. Those never
        change.

        Args:
            tenant_id: The tenant.
            day: The local day.
            name: The sort key of the roll-up.
            was: The counters that the roll-up must still have.
            is_: The correct counters.

        Raises:
            ConditionFailed: The counters have changed since they were read.
        """
        key: Key = {"PK": tenant_id, "SK": name}
        unchanged = [f"{number} = :was_{number}" for number in was]
        unchanged += [f"attribute_not_exists({number})" for number in is_.keys() - was.keys()]
        condition = " AND ".join(unchanged)
        values = {f":was_{number}": value for number, value in was.items()}
        if not is_ and not self._has_unknown_counters(key):
            self._table.delete(key, condition=condition, values=values)
            return
        sets = ", ".join(["expiresAt = :expires", *(f"{number} = :{number}" for number in is_)])
        removed = ", ".join(was.keys() - is_.keys())
        values |= {f":{number}": value for number, value in is_.items()} | {":expires": self._expires_at(day)}
        self._table.update(key, f"SET {sets}" + (f" REMOVE {removed}" if removed else ""), values, condition=condition)

    def _has_unknown_counters(self, key: Key) -> bool:
        """Return True if an item has counters that only a newer version knows."""
        values = {":tenant": key["PK"], ":name": key["SK"]}
        found = self._table.query("PK = :tenant AND SK = :name", values, consistent=True)
        return any(item.keys() - {*key, "expiresAt", *COUNTERS} for item in found)

    def _expires_at(self, day: str) -> int:
        # A local day starts up to 14 hours before or 12 hours after the day in UTC, so one day is added.
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) + DAY_S + self._kept_s


def _numbers(item: Item) -> Numbers:
    return {name: item[name] for name in COUNTERS if item.get(name)}


def _entry(item: Item) -> UsageEntry | None:
    """Return the entry of a roll-up; None for other dimensions."""
    dimensions = keys.usage_dimensions(item["SK"])
    if dimensions is None:
        return None
    day, provider, model, module = dimensions
    return UsageEntry(day=day, provider=provider, model=model, module=module, counts=Counts.model_validate(item))


def usage_store() -> UsageStore:
    """Return the store of the deployment's roll-ups."""
    return UsageStore(tables.usage(), days=get_settings().metadata_retention_days)
