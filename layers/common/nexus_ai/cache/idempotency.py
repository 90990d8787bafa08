"""Records of Idempotency-Keys, beside the cached answers: a request that is sent twice is carried out once.

A record is claimed before anything else happens, and holds the end of the request once there is one. A claim whose
request was killed is void after its deadline.
"""

import json
import zlib
from typing import Any

from pydantic import BaseModel, ConfigDict

from nexus_ai.storage import keys
from nexus_ai.storage.table import ConditionFailed, Item, Table

# How long a key is remembered.
KEPT_S = 24 * 3600


class IdempotencyRecord(BaseModel):
    """`end` is None while the first request is in flight. `fingerprint` is of its body, `request_id` its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: str
    request_id: str
    claimed_until_ms: int
    end: Any = None


def _item(tenant_id: str, key: str, record: IdempotencyRecord, expires_at: int) -> Item:
    item = {
        **keys.idempotency(tenant_id, key),
        **record.model_dump(exclude={"end"}),
        "expiresAt": expires_at,
    }
    if record.end is not None:
        item["body"] = zlib.compress(json.dumps(record.end).encode())
    return item


def _record(item: Item) -> IdempotencyRecord:
    fields = {name: item[name] for name in ("fingerprint", "request_id", "claimed_until_ms")}
    end = json.loads(zlib.decompress(item["body"])) if "body" in item else None
    return IdempotencyRecord(**fields, end=end)


class IdempotencyStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, tenant_id: str, key: str, record: IdempotencyRecord, now_ms: int) -> IdempotencyRecord | None:
        """Takes the key for this request: None. Where another request has it: that one's record.

        A record past its time and a claim past its deadline stand in nobody's way.
        """
        item = _item(tenant_id, key, record, now_ms // 1000 + KEPT_S)
        try:
            self._table.put(
                item,
                condition="attribute_not_exists(PK) OR expiresAt <= :now_s "
                "OR (attribute_not_exists(body) AND claimed_until_ms < :now_ms) OR request_id = :mine",
                values={":now_s": now_ms // 1000, ":now_ms": now_ms, ":mine": record.request_id},
            )
        except ConditionFailed as taken:
            return _record(taken.item) if taken.item else None
        return None

    def load(self, tenant_id: str, key: str) -> IdempotencyRecord | None:
        item = self._table.get(keys.idempotency(tenant_id, key), consistent=True)
        return _record(item) if item else None

    def writes(self, tenant_id: str, key: str, record: IdempotencyRecord, now_ms: int) -> list[tuple[Table, Item]]:
        """The item to put once the request has ended."""
        return [(self._table, _item(tenant_id, key, record, now_ms // 1000 + KEPT_S))]

    def release(self, tenant_id: str, key: str, request_id: str) -> None:
        """Gives the key back after a failure that may be tried again."""
        try:
            self._table.delete(
                keys.idempotency(tenant_id, key), condition="request_id = :mine", values={":mine": request_id}
            )
        except ConditionFailed:
            return
