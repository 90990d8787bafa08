"""Which tenants the scheduled function has to look at: those that began a call since it last did.

A call makes its reservation and opens its audit record side by side, and may be killed when there is but one of them.
So each marks its tenant in its own write: the reservation on the item of limits, the record with an item of its own.
Marks move on in steps of five minutes, so that the sparse index `due` is written once a step at most and holds active
tenants only.
"""

from collections.abc import Iterator
from contextlib import suppress

from nexus_ai.limits.store import DUE_STEP_S, due_at
from nexus_ai.storage import keys
from nexus_ai.storage.table import ConditionFailed, Item, Table

INDEX = "due"


class DueTenants:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._marked: tuple[int, set[str]] = (0, set())

    def mark(self, tenant_id: str, now_s: int) -> list[tuple[Table, Item]]:
        """The item to put with a record that is opened now; none where this process has put it in this step."""
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

    def active(self, now_s: int) -> Iterator[str]:
        """Tenants with a mark, newer ones included: one that is busy moves its mark on with every step."""
        for shard in keys.due_shards():
            values = {":shard": shard, ":until": now_s + 2 * DUE_STEP_S}
            marks = self._table.query("dueShard = :shard AND dueAt <= :until", values, index=INDEX)
            yield from dict.fromkeys(item["PK"] for item in marks)

    def swept_at(self, tenant_id: str) -> int | None:
        """When a sweep of this tenant last began, in seconds since 1970 UTC; None for never."""
        item = self._table.get(keys.limits(tenant_id), consistent=True)
        return item.get("sweptAt") if item else None

    def swept(self, tenant_id: str, began_s: int) -> None:
        """Remembers the sweep, and takes the marks off a tenant that was idle for a step and has nothing in flight.

        A tenant that never reserved anything has no item of limits, and its next sweep looks back as a first one does.
        """
        item, idle_s = keys.limits(tenant_id), began_s - DUE_STEP_S
        with suppress(ConditionFailed):
            self._table.update(item, "SET sweptAt = :began", {":began": began_s}, condition="attribute_exists(PK)")
            self._table.update(
                item,
                "REMOVE dueShard, dueAt",
                {":none": 0, ":idle": idle_s},
                condition="size(inFlight) = :none AND dueAt <= :idle",
            )
        with suppress(ConditionFailed):
            self._table.delete(keys.due_mark(tenant_id), condition="dueAt <= :idle", values={":idle": idle_s})
