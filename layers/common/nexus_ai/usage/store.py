"""Roll-ups: one item a day, provider, model and module, added to by one UpdateItem a request."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime

from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.keys import Key
from nexus_ai.aws.dynamodb.table import Item, Table
from nexus_ai.platform.settings import get_settings
from nexus_ai.platform.units import DAY_S
from nexus_ai.usage.models import LATENCY_BUCKETS_MS, Counts, UsageEntry

# A roll-up as it stands in its item: counters by their names, those of 0 left out.
type Numbers = dict[str, int]
# All that this version counts, latency's buckets included. What else stands in an item is a newer version's.
COUNTERS = (*Counts.model_fields, *(f"latency{number}" for number in range(len(LATENCY_BUCKETS_MS) + 1)))


def latency_bucket(latency_ms: int) -> str:
    return f"latency{bisect_left(LATENCY_BUCKETS_MS, latency_ms)}"


def numbers(entry: UsageEntry) -> Numbers:
    """What a request adds to its roll-up."""
    added = {name: number for name, number in entry.counts.model_dump().items() if number}
    if entry.latency_ms is not None:
        added |= {latency_bucket(entry.latency_ms): 1}
    return added


class UsageStore:
    """`days` is how long a roll-up is kept, as long as the metadata of the records that it sums up."""

    def __init__(self, table: Table, *, days: int) -> None:
        self._table = table
        self._kept_s = days * DAY_S

    def add(self, tenant_id: str, entry: UsageEntry) -> None:
        """Adds a request's counts. Called once a request: what may have been added is not added again."""
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
        """Yield every roll-up of the days, both included, with its buckets of latency by their names.

        A roll-up by other dimensions is a newer version's, and counts the same requests once more: it is passed over.
        """
        values = {":tenant": tenant_id, ":first": first_day, ":last": f"{last_day}#\uffff"}
        for item in self._table.query("PK = :tenant AND SK BETWEEN :first AND :last", values):
            entry, counted = _entry(item), _numbers(item)
            if entry and counted:
                yield entry, {name: count for name, count in counted.items() if name not in Counts.model_fields}

    def of_day(self, tenant_id: str, day: str) -> dict[str, Numbers]:
        """Return a day's roll-ups by their sort keys, as far as this version counts."""
        values = {":tenant": tenant_id, ":day": f"{day}#"}
        found = self._table.query("PK = :tenant AND begins_with(SK, :day)", values, consistent=True)
        return {item["SK"]: _numbers(item) for item in found if _entry(item)}

    def correct(self, tenant_id: str, day: str, name: str, was: Numbers, is_: Numbers) -> None:
        """Set a roll-up, known by its sort key, to other numbers; raises ConditionFailed where it is not as it was.

        One that has none of them is deleted, unless a newer version counts more there. Other counters stay as they are.
        """
        key: Key = {"PK": tenant_id, "SK": name}
        unchanged = [f"{number} = :was_{number}" for number in was]
        unchanged += [f"attribute_not_exists({number})" for number in is_.keys() - was.keys()]
        condition = " AND ".join(unchanged)
        values = {f":was_{number}": value for number, value in was.items()}
        if not is_ and not self._counts_more(key):
            self._table.delete(key, condition=condition, values=values)
            return
        sets = ", ".join(["expiresAt = :expires", *(f"{number} = :{number}" for number in is_)])
        gone = ", ".join(was.keys() - is_.keys())
        values |= {f":{number}": value for number, value in is_.items()} | {":expires": self._expires_at(day)}
        self._table.update(key, f"SET {sets}" + (f" REMOVE {gone}" if gone else ""), values, condition=condition)

    def _counts_more(self, key: Key) -> bool:
        """Say if an item has attributes that this version does not know."""
        values = {":tenant": key["PK"], ":name": key["SK"]}
        found = self._table.query("PK = :tenant AND SK = :name", values, consistent=True)
        return any(item.keys() - {*key, "expiresAt", *COUNTERS} for item in found)

    def _expires_at(self, day: str) -> int:
        # A local day may begin half a day before or after UTC's.
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) + DAY_S + self._kept_s


def _numbers(item: Item) -> Numbers:
    return {name: item[name] for name in COUNTERS if item.get(name)}


def _entry(item: Item) -> UsageEntry | None:
    """Return what a roll-up counts; None for one by other dimensions."""
    dimensions = keys.usage_dimensions(item["SK"])
    if dimensions is None:
        return None
    day, provider, model, module = dimensions
    return UsageEntry(day=day, provider=provider, model=model, module=module, counts=Counts.model_validate(item))


def usage_store() -> UsageStore:
    """That of the deployment."""
    return UsageStore(tables.usage(), days=get_settings().metadata_retention_days)
