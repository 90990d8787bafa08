"""Which tenants the scheduled function has to look at: those that began a call since it last did, and those of which a
window ends that was used.

A call makes its reservation and opens its audit record side by side, and may be killed when there is but one of them.
So each marks its tenant in its own write: the reservation on the item of limits, the record with an item of its own.
Marks move on in steps of five minutes, so that the sparse index `due` is written once a step at most. A tenant that is
idle is marked for the end of the next window that it used, and after the last one no more.
"""

from collections.abc import Iterator
from contextlib import suppress

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Table
from nexus_ai.limits.models import LimitState
from nexus_ai.limits.store import DUE_STEP_S, due_at


class SweepQueue:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._marked: tuple[int, set[str]] = (0, set())

    def mark(self, tenant_id: str, now_s: int) -> list[tuple[Table, Item]]:
        """Return the item to put with a record that is opened now; none where this process has put it in this step.

        A mark is put whole: it says no more than its keys.
        """
        step, tenants = self._marked
        if step == due_at(now_s) and tenant_id in tenants:
            return []
        mark = {**keys.due_mark(tenant_id), "dueShard": keys.due_shard(tenant_id), "dueAt": due_at(now_s)}
        return [(self._table, mark)]

    def marked(self, tenant_id: str, now_s: int) -> None:
        """The item was put. Two threads at a step's begin may forget one another's mark, which is then put again."""
        step, tenants = self._marked
        if step != due_at(now_s):
            self._marked = (due_at(now_s), {tenant_id})
        else:
            tenants.add(tenant_id)

    def active(self, shard: str, now_s: int) -> Iterator[str]:
        """Yield a shard's tenants with a mark, the oldest first and newer ones included: who is busy moves its mark on.

        Marks on items of a kind that this version does not know are left to the version that does.
        """
        values = {":shard": shard, ":until": now_s + 2 * DUE_STEP_S}
        marks = self._table.query("dueShard = :shard AND dueAt <= :until", values, index=keys.DUE_INDEX)
        yield from dict.fromkeys(item["PK"] for item in marks if _is_mark(item))

    def shards(self) -> list[str]:
        """Return all shards, first the one in which the last sweep ran out of time."""
        shards = keys.due_shards()
        item = self._table.get(keys.unfinished_sweep(), consistent=True) or {}
        # A version with more shards may have ended in one that is none of these.
        first = shards.index(item["shard"]) if item.get("shard") in shards else 0
        return shards[first:] + shards[:first]

    def unfinished(self, shard: str) -> None:
        """Let the next sweep begin with this shard. The item is put whole: it is that of another sweep."""
        self._table.put({**keys.unfinished_sweep(), "shard": shard})

    def done(self, tenant_id: str, state: LimitState | None, began_s: int) -> None:
        """Remembers the sweep. A tenant that was idle for a step and has nothing in flight is then looked at when the
        next window ends that it used, as `state` tells, and else no more.

        A tenant that never reserved anything has no item of limits, and its next sweep looks back as a first one does.
        """
        idle_s = began_s - DUE_STEP_S
        if state:
            self._remember(tenant_id, state.next_reset(), began_s, idle_s)
        with suppress(ConditionFailed):
            self._table.delete(keys.due_mark(tenant_id), condition="dueAt <= :idle", values={":idle": idle_s})

    def _remember(self, tenant_id: str, next_s: int | None, began_s: int, idle_s: int) -> None:
        item, values = keys.limits(tenant_id), {":began": began_s}
        marks = "REMOVE dueShard, dueAt" if next_s is None else ", dueAt = :next"
        if next_s is not None:
            values[":next"] = next_s
        try:
            self._table.update(
                item,
                f"SET sweptAt = :began {marks}",
                {**values, ":none": 0, ":idle": idle_s},
                condition="size(inFlight) = :none AND dueAt <= :idle",
            )
        except ConditionFailed:
            self._table.update(item, "SET sweptAt = :began", {":began": began_s}, condition="attribute_exists(PK)")


def _is_mark(item: Item) -> bool:
    tenant_id = item["PK"]
    return item["SK"] in {keys.limits(tenant_id)["SK"], keys.due_mark(tenant_id)["SK"]}
