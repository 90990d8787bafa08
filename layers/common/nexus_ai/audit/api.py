"""List a tenant's audit records without content, or show one record with its prompt and completion."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated

from pydantic import Field, StringConstraints

from nexus_ai.audit.models import (
    AccessEntry,
    AccessKind,
    Attempt,
    AuditFilter,
    AuditRecord,
    AuditStatus,
    Content,
    Part,
    StoredPrompt,
)
from nexus_ai.audit.records import new_access
from nexus_ai.audit.store import audit_store
from nexus_ai.platform.caller import USER_PATTERN, Caller, Role
from nexus_ai.platform.clock import SystemClock, iso, uuid7
from nexus_ai.platform.errors import Forbidden, NotFound
from nexus_ai.platform.field_errors import field_error
from nexus_ai.platform.money import dollars_from_micros
from nexus_ai.platform.schema import Dollars, Moment, ParameterModel, ResponseModel
from nexus_ai.providers.base import ProviderName

# The latest time that a record id can express: 9999-12-31T23:59:59.999Z.
NEVER_MS = 253_402_300_799_999
ID_LENGTH = 36

UserId = Annotated[str, StringConstraints(pattern=USER_PATTERN)]
ModuleName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
RecordId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class AuditLogsQuery(ParameterModel):
    """Filter of audit records, newest first.

    It selects records that began at `from` or later and before `to` and that match all other given values. Users
    without the role `admin` see only their own records.

    `cursor` continues after the page that returned it. It is valid only for the same tenant and the same filter.
    """

    limit: int = Field(default=50, ge=1, le=100)
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")
    user_id: UserId | None = None
    provider: ProviderName | None = None
    module: ModuleName | None = None
    status: AuditStatus | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")] | None = None

    def filter(self) -> AuditFilter:
        """Return the filter that the store takes, with an open start or end if none is given."""
        return AuditFilter(
            from_ms=milliseconds(self.since) if self.since else 0,
            to_ms=milliseconds(self.until) if self.until else NEVER_MS,
            user_id=self.user_id,
            provider=self.provider,
            module=self.module,
            status=self.status,
        )


class AuditRecordPath(ParameterModel):
    """Id of an audit record or of an audit job."""

    id: RecordId


class AuditAttemptView(ResponseModel):
    """Attempt to call one provider.

    `tokens` and `costUsd` are the amounts charged to the limits. `estimated` means that the provider reported no usage,
    so the reserved amount was charged. `overrun` means that the reported usage exceeded the reservation.
    """

    provider: str
    model: str
    outcome: str
    error_code: str | None
    latency_ms: int
    tokens: int
    cost_usd: Dollars | None
    estimated: bool
    overrun: bool


class AuditUsageView(ResponseModel):
    """Usage of all attempts of a request.

    `inputTokens` and `outputTokens` are the sums that the providers reported. `totalTokens` is the amount charged to
    the limits. A value is null if it is unknown.
    """

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int
    cost_usd: Dollars | None


class AuditRecordView(ResponseModel):
    """Metadata of one request: user, module, status, attempts, usage and latency."""

    id: str
    at: str
    user_id: str
    module: str
    endpoint: str
    status: str
    error_code: str | None
    provider: str
    model: str
    attempts: tuple[AuditAttemptView, ...]
    usage: AuditUsageView
    ip: str | None
    user_agent: str | None
    latency_ms: int | None


class AuditLogsPage(ResponseModel):
    """Page of audit records. `nextCursor` is null on the last page."""

    items: tuple[AuditRecordView, ...]
    next_cursor: str | None


class AuditMessageView(ResponseModel):
    """Message of a prompt."""

    role: str
    text: str


class AuditPromptView(ResponseModel):
    """Prompt sent to the model: the task's instructions and the messages with the user's text."""

    system: str
    messages: tuple[AuditMessageView, ...]


class AuditAccessView(ResponseModel):
    """Access to the content of a record: user, time, and whether it was read, exported or erased."""

    at: str
    user_id: str
    kind: AccessKind


class AuditRecordExport(AuditRecordView):
    """Audit record with its content.

    `prompt` and `answer` (the completion) are null if they are not stored: the tenant does not keep content, the
    retention time has passed, or they were erased.
    """

    task: str
    prompt_version: str
    prompt: AuditPromptView | None
    answer: str | None


class AuditRecordDetail(AuditRecordExport):
    """Audit record with its content and the accesses to it.

    `accesses` lists each time the content was read, exported or erased, this request included.
    """

    accesses: tuple[AuditAccessView, ...]


def list_records(caller: Caller, query: AuditLogsQuery) -> AuditLogsPage:
    """Return a page of records.

    A page can hold fewer records than `limit` and not be the last one, because one search reads a bounded number of
    records.

    Raises:
        Forbidden: The caller is not an administrator and asks for another user's records.
        ValidationFailed: The cursor belongs to another tenant or filter.
        StoreUnavailable: DynamoDB could not be reached.
    """
    wanted = _restrict_to_caller(caller, query.filter())
    after = _record_after(caller, wanted, query.cursor) if query.cursor else None
    found = audit_store().search(caller.tenant_id, wanted, limit=query.limit, after=after)
    return AuditLogsPage(
        items=tuple(record_view(record) for record in found.records),
        next_cursor=_cursor(caller, wanted, found.last) if found.last else None,
    )


def get_record(caller: Caller, path: AuditRecordPath) -> AuditRecordDetail:
    """Return a record with its content, after writing an access entry for the caller.

    Raises:
        NotFound: The tenant has no such record, or it is another user's and the caller is not an administrator.
        ContentDamagedError: The stored content does not match its checksum.
        StoreUnavailable: DynamoDB or S3 could not be reached.
    """
    store, now_ms = audit_store(), SystemClock().now_ms()
    record = store.load(caller.tenant_id, path.id)
    if record is None or not (Role.ADMIN in caller.roles or record.user_id == caller.user_id):
        raise NotFound
    contents = store.contents(caller.tenant_id, record.id, now_ms // 1000)
    if contents:
        store.record_access(caller.tenant_id, _read_access(caller, record, now_ms))
    return AuditRecordDetail(
        **dict(export_view(record, contents)),
        accesses=tuple(
            AuditAccessView(at=iso(access.at_ms), user_id=access.user_id, kind=_access_kind(access))
            for access in store.accesses(caller.tenant_id, record.id)
        ),
    )


def export_view(record: AuditRecord, contents: Sequence[Content]) -> AuditRecordExport:
    """Return a record together with its content."""
    texts = {content.part: content.text for content in contents}
    prompt = texts.get(Part.PROMPT)
    return AuditRecordExport(
        **dict(record_view(record)),
        task=record.task,
        prompt_version=record.prompt_version,
        prompt=None if prompt is None else _prompt(prompt),
        answer=texts.get(Part.ANSWER),
    )


def _prompt(text: str) -> AuditPromptView:
    stored = StoredPrompt.model_validate_json(text)
    messages = tuple(AuditMessageView(role=message.role, text=message.text) for message in stored.messages)
    return AuditPromptView(system=stored.system, messages=messages)


def _access_kind(access: AccessEntry) -> AccessKind:
    """Return the kind to show. An access of an unknown kind is shown as read: the content has been seen."""
    return AccessKind(access.kind) if access.kind in AccessKind else AccessKind.READ


def milliseconds(moment: datetime) -> int:
    """Return milliseconds since the epoch, clamped to the range that record ids can express."""
    return min(max(0, int(moment.timestamp() * 1000)), NEVER_MS)


def _restrict_to_caller(caller: Caller, wanted: AuditFilter) -> AuditFilter:
    """Limit the filter to the records of the caller, except for an administrator."""
    if Role.ADMIN in caller.roles:
        return wanted
    if wanted.user_id not in {None, caller.user_id}:
        raise Forbidden("Only administrators can read other users' records. Leave out userId, or send your own id.")
    return wanted.model_copy(update={"user_id": caller.user_id})


def _read_access(caller: Caller, record: AuditRecord, now_ms: int) -> AccessEntry:
    return new_access(record, AccessKind.READ, caller, entry_id=uuid7(now_ms), at_ms=now_ms, user_id=caller.user_id)


def _cursor(caller: Caller, wanted: AuditFilter, last: str) -> str:
    """Return a cursor: the last record of the page and a digest of the tenant and the filter.

    The digest needs no secret. A forged cursor can only name a position within the caller's own records.
    """
    return urlsafe_b64encode(last.encode() + _digest(caller, wanted, last)).decode().rstrip("=")


def _record_after(caller: Caller, wanted: AuditFilter, cursor: str) -> str:
    """Return the id of the record after which the page starts.

    Raises:
        ValidationFailed: The cursor is malformed, or belongs to another tenant or filter.
    """
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)) if len(cursor) % 4 != 1 else b""
    last, digest = raw[:ID_LENGTH].decode("ascii", "replace"), raw[ID_LENGTH:]
    if not compare_digest(digest, _digest(caller, wanted, last)):
        raise field_error(
            "cursor",
            "This cursor belongs to another query. Send the request without a cursor to get the first page",
            "cursor",
        )
    return last


def _digest(caller: Caller, wanted: AuditFilter, last: str) -> bytes:
    # Skip criteria that are not set, so that versions with different criteria accept the same cursor.
    query = [caller.tenant_id, wanted.model_dump(mode="json", exclude_none=True), last]
    return sha256(json.dumps(query, sort_keys=True).encode()).digest()[:16]


def record_view(record: AuditRecord) -> AuditRecordView:
    """Return the metadata of a record."""
    return AuditRecordView(
        id=record.id,
        at=iso(record.at_ms),
        user_id=record.user_id,
        module=record.module,
        endpoint=record.endpoint,
        status=record.status,
        error_code=record.error_code,
        provider=record.provider,
        model=record.model,
        attempts=tuple(_attempt(attempt) for attempt in record.attempts),
        usage=_usage(record),
        ip=record.ip,
        user_agent=record.user_agent,
        latency_ms=record.latency_ms,
    )


def _attempt(attempt: Attempt) -> AuditAttemptView:
    return AuditAttemptView(
        provider=attempt.provider,
        model=attempt.model,
        outcome=attempt.outcome,
        error_code=attempt.error_code,
        latency_ms=attempt.latency_ms,
        tokens=attempt.charged_tokens,
        cost_usd=None if attempt.cost_micros is None else dollars_from_micros(attempt.cost_micros),
        estimated=attempt.estimated,
        overrun=attempt.overrun,
    )


def _usage(record: AuditRecord) -> AuditUsageView:
    sent = [attempt for attempt in record.attempts if attempt.sent]
    cost_micros = _sum_if_known([attempt.cost_micros for attempt in sent])
    return AuditUsageView(
        input_tokens=_sum_if_known([attempt.input_tokens for attempt in sent]),
        output_tokens=_sum_if_known([attempt.output_tokens for attempt in sent]),
        total_tokens=record.charged_tokens,
        cost_usd=None if cost_micros is None else dollars_from_micros(cost_micros),
    )


def _sum_if_known(amounts: list[int | None]) -> int | None:
    """Return the sum, or None if one of the amounts is unknown."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
