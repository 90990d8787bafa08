"""Audit records: an item of metadata, and apart from it an item for the prompt and one for the answer.

Content is compressed. What is over 16 KB then goes to S3, whole, and the item keeps its name and SHA-256.
Lists read the metadata's partition only.
"""

import zlib
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from nexus_ai.audit.models import AuditRecord, Content, Part
from nexus_ai.core.clock import uuid7_floor
from nexus_ai.storage import keys, objects
from nexus_ai.storage.table import ConditionFailed, Item, Table

MAX_INLINE_BYTES = 16 * 1024
DAY_S = 86_400


def _item(record: AuditRecord, expires_at: int) -> Item:
    return {
        **keys.audit_record(record.tenant_id, record.id),
        **record.model_dump(mode="json", exclude={"id", "tenant_id"}, exclude_defaults=True),
        "expiresAt": expires_at,
    }


def _record(item: Item) -> AuditRecord:
    fields = {name: value for name, value in item.items() if name not in {"PK", "SK", "expiresAt"}}
    return AuditRecord.model_validate({**fields, "id": item["SK"], "tenant_id": item["PK"]})


class AuditStore:
    def __init__(self, table: Table, *, metadata_days: int, content_days: int) -> None:
        self._table = table
        self._metadata_s = metadata_days * DAY_S
        self._content_s = content_days * DAY_S

    def writes(self, record: AuditRecord, contents: Sequence[Content] = ()) -> list[tuple[Table, Item]]:
        """The items to put for a record as it stands now; content over the bound is put to S3 on the way."""
        at_s = record.at_ms // 1000
        items = [_item(record, at_s + self._metadata_s)]
        items += [self._content_item(record, content, at_s + self._content_s) for content in contents]
        return [(self._table, item) for item in items]

    def close_open(self, record: AuditRecord) -> bool:
        """Writes the end of a record that has none yet; False where it has one."""
        item = _item(record, record.at_ms // 1000 + self._metadata_s)
        try:
            self._table.put(item, condition="#status = :open", names={"#status": "status"}, values={":open": "open"})
        except ConditionFailed:
            return False
        return True

    def load(self, tenant_id: str, record_id: str) -> AuditRecord | None:
        item = self._table.get(keys.audit_record(tenant_id, record_id), consistent=True)
        return _record(item) if item else None

    def contents(self, tenant_id: str, record_id: str, now_s: int) -> list[Content]:
        """Prompt and answer, as far as they are kept and their time has not passed."""
        found: list[Content] = []
        for part in Part:
            item = self._table.get(keys.audit_content(tenant_id, record_id, part), consistent=True)
            if item is None or item["expiresAt"] <= now_s:
                continue
            packed = objects.get(item["object"]) if "object" in item else item["body"]
            if sha256(packed).hexdigest() != item["sha256"]:
                raise ValueError(f"the content of record {record_id} is not what was written")
            found.append(Content(part=part, text=zlib.decompress(packed).decode()))
        return found

    def between(
        self,
        tenant_id: str,
        from_ms: int,
        to_ms: int,
        *,
        before: str | None = None,
        newest_first: bool = True,
        limit: int | None = None,
    ) -> list[AuditRecord]:
        """The records of [from, to) by their begin, at most `limit` of them, and only those before a record's id."""
        found: list[AuditRecord] = []
        first, last = uuid7_floor(from_ms), uuid7_floor(to_ms)
        last = min(last, before) if before else last
        # DynamoDB takes no BETWEEN whose ends are the wrong way round.
        if first > last:
            return found
        values: dict[str, Any] = {":tenant": tenant_id, ":first": first, ":last": last}
        condition = "PK = :tenant AND SK BETWEEN :first AND :last"
        for item in self._table.query(condition, values, newest_first=newest_first, page_size=limit, consistent=True):
            if item["SK"] == before:
                continue
            found.append(_record(item))
            if len(found) == limit:
                break
        return found

    def _content_item(self, record: AuditRecord, content: Content, expires_at: int) -> Item:
        packed = zlib.compress(content.text.encode())
        item: Item = {
            **keys.audit_content(record.tenant_id, record.id, content.part),
            "sha256": sha256(packed).hexdigest(),
            "expiresAt": expires_at,
        }
        if len(packed) <= MAX_INLINE_BYTES:
            return item | {"body": packed}
        name = keys.audit_object(record.tenant_id, record.id, content.part)
        objects.put(name, packed)
        return item | {"object": name}
