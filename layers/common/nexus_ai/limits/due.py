"""Which tenants the scheduled function has to look at: those that reserved something since it last did.

A reservation marks its tenant in the same write, in steps of five minutes, so that the sparse index `due` is written
once a step at most and holds active tenants only.
"""

from collections.abc import Iterator

from nexus_ai.limits.store import DUE_STEP_S
from nexus_ai.storage import keys
from nexus_ai.storage.table import ConditionFailed, Table

INDEX = "due"


class DueTenants:
    def __init__(self, table: Table) -> None:
        self._table = table

    def active(self, now_s: int) -> Iterator[str]:
        """Tenants with a mark, newer ones included: one that is busy moves its mark on with every step."""
        for shard in keys.due_shards():
            values = {":shard": shard, ":until": now_s + 2 * DUE_STEP_S}
            for item in self._table.query("dueShard = :shard AND dueAt <= :until", values, index=INDEX):
                yield item["PK"]

    def swept_at(self, tenant_id: str) -> int | None:
        """When a sweep of this tenant last began, in seconds since 1970 UTC; None for never."""
        item = self._table.get(keys.limits(tenant_id), consistent=True)
        return item.get("sweptAt") if item else None

    def swept(self, tenant_id: str, began_s: int) -> None:
        """Remembers the sweep, and takes the mark off a tenant that was idle for a step and has nothing in flight."""
        self._table.update(
            keys.limits(tenant_id), "SET sweptAt = :began", {":began": began_s}, condition="attribute_exists(PK)"
        )
        try:
            self._table.update(
                keys.limits(tenant_id),
                "REMOVE dueShard, dueAt",
                {":none": 0, ":idle": began_s - DUE_STEP_S},
                condition="size(inFlight) = :none AND dueAt <= :idle",
            )
        except ConditionFailed:
            return
