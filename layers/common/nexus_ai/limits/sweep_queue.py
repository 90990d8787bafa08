"""Select the tenants that the scheduled function has to sweep.

These are the tenants with a request since the last sweep, and those with a used window that has ended.

A request makes its reservation and opens its audit record concurrently. If its function is killed, only one of the two
may exist, so each write marks the tenant: the reservation on the item of limits, the record with a separate item.

Marks move in steps of five minutes, so that the sparse index `due` is written at most once per step. An idle tenant is
marked for the end of the next window that it used. After the last such window it has no mark.
"""

from collections.abc import Iterator
from contextlib import suppress

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Table
from nexus_ai.limits.models import LimitState
from nexus_ai.limits.store import DUE_STEP_S, due_at


class SweepQueue:
    """Queue of tenants to sweep, kept in the sparse index `due`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._marked: tuple[int, set[str]] = (0, set())

    def mark(self, tenant_id: str, now_s: int) -> list[tuple[Table, Item]]:
        """Return the mark to write together with a record that is opened now.

        The list is empty if this process has already written the mark in this step.
        """
        step, tenants = self._marked
        if step == due_at(now_s) and tenant_id in tenants:
            return []
        mark = {**keys.due_mark(tenant_id), "dueShard": keys.due_shard(tenant_id), "dueAt": due_at(now_s)}
        return [(self._table, mark)]

    def marked(self, tenant_id: str, now_s: int) -> None:
        """Remember that the mark was written.

        Two threads at the start of a step may overwrite each other's memory. The mark is then written again.
        """
        step, tenants = self._marked
        if step != due_at(now_s):
            self._marked = (due_at(now_s), {tenant_id})
        else:
            tenants.add(tenant_id)

    def active(self, shard: str, now_s: int) -> Iterator[str]:
        """Yield the tenants of a shard that are marked, oldest mark first.

        Includes marks up to two steps in the future, because every request of a busy tenant moves its mark forward.
        Skips marks on kinds of items that only a newer version knows.
        """
        values = {":shard": shard, ":until": now_s + 2 * DUE_STEP_S}
        marks = self._table.query("dueShard = :shard AND dueAt <= :until", values, index=keys.DUE_INDEX)
        yield from dict.fromkeys(item["PK"] for item in marks if _is_mark(item))

    def shards(self) -> list[str]:
        """Return all shards, starting with the one in which the last sweep ran out of time."""
        shards = keys.due_shards()
        item = self._table.get(keys.unfinished_sweep(), consistent=True) or {}
        # The last sweep may have run in a version that has more shards.
        first = shards.index(item["shard"]) if item.get("shard") in shards else 0
        return shards[first:] + shards[:first]

    def unfinished(self, shard: str) -> None:
        """Make the next sweep start with this shard."""
        self._table.put({**keys.unfinished_sweep(), "shard": shard})

    def done(self, tenant_id: str, state: LimitState | None, began_s: int) -> None:
        """Store that the tenant was swept by a sweep that started at `began_s`.

        If the tenant was idle for a step and has nothing in flight, its mark moves to the end of the next window that
        it used according to `state`. Without such a window, the mark is removed. A tenant that never reserved
        anything has no item of limits, so its next sweep looks back as far as a first sweep.
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
