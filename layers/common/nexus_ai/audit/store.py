"""Store audit records, their content and the accesses to it.

Metadata, prompt and completion are separate items. Content is compressed; if it is still over 16 KB, it goes to S3 and
the item keeps the object's name and SHA-256. Lists read only the partition of the metadata, or its index `byUser`.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import batched, chain
from typing import Any

from nexus_ai.audit.models import AccessEntry, Attempt, AuditFilter, AuditRecord, Content, ContentItem, Part
from nexus_ai.aws import s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.table import (
    BATCH,
    ConditionFailed,
    Item,
    Table,
    delete_together,
    put_atomically,
    put_together,
)
from nexus_ai.net.concurrency import run_all
from nexus_ai.platform.clock import uuid7_floor
from nexus_ai.platform.settings import get_settings
from nexus_ai.platform.units import DAY_S

MAX_INLINE_BYTES = 16 * 1024
INDEX = "byUser"
# Maximum number of records that one search reads: about one megabyte, the size of a page of DynamoDB.
MAX_SCANNED = 1000
# Form of a record id. Other sort keys in this partition belong to a newer version.
_RECORD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ContentDamagedError(ValueError):
    """Stored content that does not match its checksum."""


@dataclass(frozen=True, slots=True)
class Found:
    """Result of a search. `last` is the record after which to continue; None at the end."""

    records: list[AuditRecord]
    last: str | None


def _item(record: AuditRecord, expires_at: int) -> Item:
    return {
        **keys.audit_record(record.tenant_id, record.id),
        **record.model_dump(mode="json", exclude={"id", "tenant_id"}, exclude_defaults=True),
        INDEX: keys.audit_owner(record.tenant_id, record.user_id),
        "expiresAt": expires_at,
    }


def _record(item: Item) -> AuditRecord:
    fields = {name: value for name, value in item.items() if name not in {"PK", "SK", INDEX, "expiresAt"}}
    return AuditRecord.model_validate({**fields, "id": item["SK"], "tenant_id": item["PK"]})


def _access_item(tenant_id: str, access: AccessEntry, expires_at: int) -> Item:
    return {
        **keys.audit_access(tenant_id, access.record_id, access.id),
        **access.model_dump(mode="json", exclude={"id", "record_id"}, exclude_none=True),
        "expiresAt": expires_at,
    }


def _is_record(item: Item) -> bool:
    return _RECORD_ID.fullmatch(item["SK"]) is not None


def _access(item: Item) -> AccessEntry:
    fields = {name: value for name, value in item.items() if name not in {"PK", "SK", "expiresAt"}}
    record_id, _, access_id = item["SK"].partition("#")
    return AccessEntry.model_validate({**fields, "record_id": record_id, "id": access_id})


class AuditStore:
    """Store of the audit log. Metadata and content have separate retention times, in days."""

    def __init__(self, table: Table, *, metadata_days: int, content_days: int) -> None:
        self._table = table
        self._metadata_s = metadata_days * DAY_S
        self._content_s = content_days * DAY_S

    def write(self, record: AuditRecord, contents: Sequence[Content] = ()) -> None:
        """Write a record and its content together or not at all. Safe to repeat.

        The item is replaced completely. This is safe because only the request that the record belongs to writes it.
        Content over the size limit is put into S3 first. Needs only `dynamodb:PutItem`, so the function cannot delete
        records.

        Raises:
            StoreUnavailable: DynamoDB or S3 could not be reached.
        """
        at_s = record.at_ms // 1000
        items = [_item(record, at_s + self._metadata_s)]
        items += [self._content_item(record, content, at_s + self._content_s) for content in contents]
        put_atomically([(self._table, item) for item in items])

    def abandon(self, record: AuditRecord, missing_attempt: Attempt | None) -> bool:
        """Close an open record with the status that `record` has.

        Only the fields of the result change, because another version may have opened the record.

        Args:
            record: The record with its final status.
            missing_attempt: The last attempt of `record`, if the open record does not list it yet.

        Returns:
            False if the stored record is already closed.
        """
        fields: dict[str, Any] = {name: getattr(record, name) for name in ("status", "provider", "model", "error_code")}
        if missing_attempt:
            attempt, position = missing_attempt.model_dump(mode="json", exclude_defaults=True), len(record.attempts) - 1
            fields |= {f"attempts[{position}]": attempt} if position else {"attempts": [attempt]}
        try:
            self._table.set_fields(
                keys.audit_record(record.tenant_id, record.id),
                fields,
                condition="#status = :open",
                names={"#status": "status"},
                values={":open": "open"},
            )
        except ConditionFailed:
            return False
        return True

    def load(self, tenant_id: str, record_id: str) -> AuditRecord | None:
        """Return a record, or None if the tenant has no record with this id."""
        item = self._table.get(keys.audit_record(tenant_id, record_id), consistent=True)
        return _record(item) if item else None

    def contents(self, tenant_id: str, record_id: str, now_s: int) -> list[Content]:
        """Return the prompt and the completion, as far as they are stored and not expired.

        Raises:
            ContentDamagedError: The stored content does not match its checksum.
            StoreUnavailable: DynamoDB or S3 could not be reached.
        """
        found: list[Content] = []
        for part in Part:
            item = self._table.get(keys.audit_content(tenant_id, record_id, part), consistent=True)
            content = ContentItem.model_validate(item) if item else None
            compressed = _compressed(content) if content and content.expires_at > now_s else None
            if content is None or compressed is None:
                continue
            if sha256(compressed).hexdigest() != content.sha256:
                raise ContentDamagedError(f"the content of record {record_id} does not match its checksum")
            found.append(Content(part=part, text=zlib.decompress(compressed).decode()))
        return found

    def erase_contents(self, tenant_id: str, record_ids: Sequence[str]) -> None:
        """Delete the prompts and completions of some records. Safe to repeat.

        S3 objects are deleted first, by names that follow from the record's id. That also removes objects whose item in
        the table is missing. A newer version may have stored other parts. Their items name their objects, and both are
        deleted as well.
        """
        named = [(record_id, part) for record_id in record_ids for part in Part]
        names = {keys.audit_object(tenant_id, *part) for part in named}
        sort_keys = {keys.audit_content(tenant_id, *part)["SK"] for part in named}
        for item in chain(*run_all(partial(self._content_items, tenant_id, record_id) for record_id in record_ids)):
            sort_keys.add(item["SK"])
            names |= {item["object"]} if "object" in item else set()
        for some in batched(sorted(names), s3.BATCH, strict=False):
            s3.delete(some)
        contents = keys.audit_contents(tenant_id)
        for some in batched(sorted(sort_keys), BATCH, strict=False):
            delete_together([(self._table, {"PK": contents, "SK": sort_key}) for sort_key in some])

    def _content_items(self, tenant_id: str, record_id: str) -> list[Item]:
        """Return the sort key of each part of a record's content, and the name of its S3 object if it has one."""
        values = {":contents": keys.audit_contents(tenant_id), ":record": f"{record_id}#"}
        condition, names = "PK = :contents AND begins_with(SK, :record)", {"#object": "object"}
        return list(self._table.query(condition, values, names=names, only="SK, #object"))

    def record_access(self, tenant_id: str, access: AccessEntry) -> None:
        """Write one access entry. Needs only `dynamodb:PutItem`.

        Raises:
            StoreUnavailable: DynamoDB could not be reached.
        """
        self._table.put(_access_item(tenant_id, access, access.at_ms // 1000 + self._metadata_s))

    def record_accesses(self, tenant_id: str, accesses: Sequence[AccessEntry]) -> None:
        """Write access entries in batches.

        Raises:
            StoreUnavailable: DynamoDB could not be reached.
        """
        for some in batched(accesses, BATCH, strict=False):
            writes = [_access_item(tenant_id, access, access.at_ms // 1000 + self._metadata_s) for access in some]
            put_together([(self._table, item) for item in writes])

    def accesses(self, tenant_id: str, record_id: str) -> list[AccessEntry]:
        """Return the accesses to a record's content, oldest first."""
        values = {":accesses": keys.audit_accesses(tenant_id), ":record": f"{record_id}#"}
        found = self._table.query("PK = :accesses AND begins_with(SK, :record)", values, consistent=True)
        return [_access(item) for item in found if item["SK"].count("#") == 1]

    def between(self, tenant_id: str, from_ms: int, to_ms: int, *, newest_first: bool = True) -> list[AuditRecord]:
        """Return all records that began in [from_ms, to_ms)."""
        bounds = uuid7_floor(from_ms), uuid7_floor(to_ms)
        found = self._range(tenant_id, bounds, newest_first=newest_first)
        return [_record(item) for item in found if _is_record(item)]

    def each(self, tenant_id: str, from_ms: int, to_ms: int, *, after: str | None = None) -> Iterator[AuditRecord]:
        """Yield the records that began in [from_ms, to_ms), oldest first, starting after the record `after`."""
        first, last = uuid7_floor(from_ms), uuid7_floor(to_ms)
        for item in self._range(tenant_id, (max(first, after or first), last), newest_first=False):
            if item["SK"] != after and _is_record(item):
                yield _record(item)

    def search(
        self,
        tenant_id: str,
        wanted: AuditFilter,
        *,
        limit: int,
        after: str | None = None,
        newest_first: bool = True,
        exact: bool = False,
    ) -> Found:
        """Return up to `limit` records that follow the record `after`, reading at most MAX_SCANNED records.

        Args:
            tenant_id: Tenant whose records to search.
            wanted: Filter of the records.
            limit: Maximum number of records to return.
            after: Id of the last record of the previous page.
            newest_first: Order of the records.
            exact: Read the records of all users instead of the index `byUser`, which is eventually consistent.
        """
        first, last = uuid7_floor(wanted.from_ms), uuid7_floor(wanted.to_ms)
        if after:
            first, last = (first, min(last, after)) if newest_first else (max(first, after), last)
        user_id = None if exact else wanted.user_id
        # If no record is filtered out, read the page, the record before it and one more to see if there is a next page.
        page_size = (limit if wanted.filters_only_by_time(ignore_user=not exact) else MAX_SCANNED) + 2
        found: list[AuditRecord] = []
        last_read: str | None = None
        items = self._range(tenant_id, (first, last), user_id=user_id, newest_first=newest_first, page_size=page_size)
        for number, item in enumerate(item for item in items if item["SK"] != after):
            if number == MAX_SCANNED or len(found) == limit:
                return Found(found, last_read)
            if not _is_record(item):
                continue
            last_read = item["SK"]
            record = _record(item)
            if wanted.matches(record):
                found.append(record)
        return Found(found, None)

    def _range(
        self,
        tenant_id: str,
        bounds: tuple[str, str],
        *,
        newest_first: bool,
        user_id: str | None = None,
        page_size: int | None = None,
    ) -> Iterator[Item]:
        first, last = bounds
        # DynamoDB rejects BETWEEN with a lower bound above the upper one.
        if first > last:
            return iter(())
        values = {":of": tenant_id, ":first": first, ":last": last}
        if user_id is None:
            condition = "PK = :of AND SK BETWEEN :first AND :last"
            return self._table.query(condition, values, newest_first=newest_first, page_size=page_size, consistent=True)
        values[":of"] = keys.audit_owner(tenant_id, user_id)
        condition = f"{INDEX} = :of AND SK BETWEEN :first AND :last"
        return self._table.query(condition, values, index=INDEX, newest_first=newest_first, page_size=page_size)

    def _content_item(self, record: AuditRecord, content: Content, expires_at: int) -> Item:
        compressed = zlib.compress(content.text.encode())
        item: Item = {
            **keys.audit_content(record.tenant_id, record.id, content.part),
            "sha256": sha256(compressed).hexdigest(),
            "expiresAt": expires_at,
        }
        if len(compressed) <= MAX_INLINE_BYTES:
            return item | {"body": compressed}
        name = keys.audit_object(record.tenant_id, record.id, content.part)
        s3.put_once(name, compressed)
        return item | {"object": name}


def _compressed(content: ContentItem) -> bytes | None:
    """Return the compressed bytes, or None if the content is not stored any more."""
    if content.object is None:
        return content.body
    try:
        return s3.get(content.object)
    except s3.ObjectMissing:
        # The retention of the bucket was shortened after this item was written, and S3 applies it to existing objects.
        return None


def audit_store() -> AuditStore:
    """Return the audit store with the tables and retention times of the deployment."""
    settings = get_settings()
    return AuditStore(
        tables.audit_logs(),
        metadata_days=settings.metadata_retention_days,
        content_days=settings.content_retention_days,
    )
