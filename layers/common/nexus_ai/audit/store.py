"""Audit records: an item of metadata, and apart from it an item for the prompt and one for the answer.

Content is compressed. What is over 16 KB then goes to S3, whole, and the item keeps its name and SHA-256.
Lists read the metadata's partition only, or the index `byUser` of it. Beside a record stands who saw its content.
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
# The most records that one search looks at, whatever it finds: DynamoDB's megabyte holds about as many.
MAX_SCANNED = 1000
# The sort key of a record. What else a newer version keeps beside records has keys of another form.
_RECORD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ContentDamagedError(ValueError):
    """What is kept is not what was written."""


@dataclass(frozen=True, slots=True)
class Found:
    """`last` is the record after which the search goes on; None where it has come to its end."""

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
    def __init__(self, table: Table, *, metadata_days: int, content_days: int) -> None:
        self._table = table
        self._metadata_s = metadata_days * DAY_S
        self._content_s = content_days * DAY_S

    def write(self, record: AuditRecord, contents: Sequence[Content] = ()) -> None:
        """Write a record as it stands now, with its contents or not at all; safe to do twice.

        It is written whole, by the request that it belongs to and by no other version. Content over the bound is put
        to S3 on the way. Needs the right to put alone: nothing can be deleted with it.
        """
        at_s = record.at_ms // 1000
        items = [_item(record, at_s + self._metadata_s)]
        items += [self._content_item(record, content, at_s + self._content_s) for content in contents]
        put_atomically([(self._table, item) for item in items])

    def abandon(self, record: AuditRecord, untold: Attempt | None) -> bool:
        """Write the end that `record` has into an open record; False where that one has an end.

        `untold` is an attempt that the open record does not tell, and the last of `record`. Everything else in the
        item stays: another version may have opened it.
        """
        fields: dict[str, Any] = {name: getattr(record, name) for name in ("status", "provider", "model", "error_code")}
        if untold:
            attempt, place = untold.model_dump(mode="json", exclude_defaults=True), len(record.attempts) - 1
            fields |= {f"attempts[{place}]": attempt} if place else {"attempts": [attempt]}
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
        item = self._table.get(keys.audit_record(tenant_id, record_id), consistent=True)
        return _record(item) if item else None

    def contents(self, tenant_id: str, record_id: str, now_s: int) -> list[Content]:
        """Return prompt and answer, as far as they are kept and their time has not passed; raises ContentDamaged."""
        found: list[Content] = []
        for part in Part:
            item = self._table.get(keys.audit_content(tenant_id, record_id, part), consistent=True)
            content = ContentItem.model_validate(item) if item else None
            packed = _packed(content) if content and content.expires_at > now_s else None
            if content is None or packed is None:
                continue
            if sha256(packed).hexdigest() != content.sha256:
                raise ContentDamagedError(f"the content of record {record_id} is not what was written")
            found.append(Content(part=part, text=zlib.decompress(packed).decode()))
        return found

    def erase_contents(self, tenant_id: str, record_ids: Sequence[str]) -> None:
        """Delete prompts and answers of some records, wherever they are; safe to do twice.

        Objects go first and by their names, so that none is left whose item was never written, or is gone already.
        Parts that only a newer version knows are found by their items, and go as well.
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
        """Return the sort key of each part of a record's content, and its object where it has one."""
        values = {":contents": keys.audit_contents(tenant_id), ":record": f"{record_id}#"}
        condition, names = "PK = :contents AND begins_with(SK, :record)", {"#object": "object"}
        return list(self._table.query(condition, values, names=names, only="SK, #object"))

    def record_access(self, tenant_id: str, access: AccessEntry) -> None:
        """Writes down who did what with one content; raises StoreUnavailable. Needs no right to write batches."""
        self._table.put(_access_item(tenant_id, access, access.at_ms // 1000 + self._metadata_s))

    def record_accesses(self, tenant_id: str, accesses: Sequence[AccessEntry]) -> None:
        """Writes down who did what with contents; raises StoreUnavailable."""
        for some in batched(accesses, BATCH, strict=False):
            writes = [_access_item(tenant_id, access, access.at_ms // 1000 + self._metadata_s) for access in some]
            put_together([(self._table, item) for item in writes])

    def accesses(self, tenant_id: str, record_id: str) -> list[AccessEntry]:
        """Return who did what with a record's content, oldest first."""
        values = {":accesses": keys.audit_accesses(tenant_id), ":record": f"{record_id}#"}
        found = self._table.query("PK = :accesses AND begins_with(SK, :record)", values, consistent=True)
        return [_access(item) for item in found if item["SK"].count("#") == 1]

    def between(self, tenant_id: str, from_ms: int, to_ms: int, *, newest_first: bool = True) -> list[AuditRecord]:
        """Return all records of [from, to) by their begin."""
        ends = uuid7_floor(from_ms), uuid7_floor(to_ms)
        found = self._range(tenant_id, ends, newest_first=newest_first)
        return [_record(item) for item in found if _is_record(item)]

    def each(self, tenant_id: str, from_ms: int, to_ms: int, *, after: str | None = None) -> Iterator[AuditRecord]:
        """Yield the records of [from, to), oldest first, from behind the record `after` on."""
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
        """Up to `limit` records, out of LOOKED_AT_MAX at most, that come after the record `after`.

        A user's are found by the index, which is some moments late; `exact` looks through everybody's instead.
        """
        first, last = uuid7_floor(wanted.from_ms), uuid7_floor(wanted.to_ms)
        if after:
            first, last = (first, min(last, after)) if newest_first else (max(first, after), last)
        user_id = None if exact else wanted.user_id
        # Where nothing is left out, a page is what it shows, the one before it, and whether there is more.
        page_size = (limit if wanted.is_met_by_time(but_for_user=not exact) else MAX_SCANNED) + 2
        found: list[AuditRecord] = []
        looked_at: str | None = None
        items = self._range(tenant_id, (first, last), user_id=user_id, newest_first=newest_first, page_size=page_size)
        for number, item in enumerate(item for item in items if item["SK"] != after):
            if number == MAX_SCANNED or len(found) == limit:
                return Found(found, looked_at)
            if not _is_record(item):
                continue
            looked_at = item["SK"]
            record = _record(item)
            if wanted.takes(record):
                found.append(record)
        return Found(found, None)

    def _range(
        self,
        tenant_id: str,
        ends: tuple[str, str],
        *,
        newest_first: bool,
        user_id: str | None = None,
        page_size: int | None = None,
    ) -> Iterator[Item]:
        first, last = ends
        # DynamoDB takes no BETWEEN whose ends are the wrong way round.
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
        packed = zlib.compress(content.text.encode())
        item: Item = {
            **keys.audit_content(record.tenant_id, record.id, content.part),
            "sha256": sha256(packed).hexdigest(),
            "expiresAt": expires_at,
        }
        if len(packed) <= MAX_INLINE_BYTES:
            return item | {"body": packed}
        name = keys.audit_object(record.tenant_id, record.id, content.part)
        s3.put_once(name, packed)
        return item | {"object": name}


def _packed(content: ContentItem) -> bytes | None:
    """Return the compressed bytes; None where they are nowhere that this version knows of, or no more."""
    if content.object is None:
        return content.body
    try:
        return s3.get(content.object)
    except s3.ObjectMissing:
        # The bucket's retention was shortened since: its rule holds for what is there already.
        return None


def audit_store() -> AuditStore:
    """That of the deployment."""
    settings = get_settings()
    return AuditStore(
        tables.audit_logs(),
        metadata_days=settings.metadata_retention_days,
        content_days=settings.content_retention_days,
    )
