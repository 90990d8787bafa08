"""The company's audit records: newest first without prompts and answers, or one of them whole."""

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
from nexus_ai.audit.store import audit_store
from nexus_ai.platform.caller import USER_PATTERN, Caller, Role
from nexus_ai.platform.clock import SystemClock, iso, uuid7
from nexus_ai.platform.errors import Forbidden, NotFound
from nexus_ai.platform.field_errors import field_error
from nexus_ai.platform.money import dollars_from_micros
from nexus_ai.platform.schema import Dollars, Moment, ParameterModel, ResponseModel
from nexus_ai.providers.base import ProviderName

# The end of time as far as ids tell it: 9999-12-31T23:59:59.999Z.
NEVER_MS = 253_402_300_799_999
ID_LENGTH = 36

UserId = Annotated[str, StringConstraints(pattern=USER_PATTERN)]
ModuleName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
RecordId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class AuditLogsQuery(ParameterModel):
    """Records that began at `from` or later and before `to`, and have every other value that is named. Who
    is no administrator is told the own ones alone.

    A `cursor` goes on where the page that gave it ended, and is good for the same company and question only.
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
        return AuditFilter(
            from_ms=milliseconds(self.since) if self.since else 0,
            to_ms=milliseconds(self.until) if self.until else NEVER_MS,
            user_id=self.user_id,
            provider=self.provider,
            module=self.module,
            status=self.status,
        )


class AuditRecordPath(ParameterModel):
    id: RecordId


class AuditAttemptView(ResponseModel):
    """Tokens and cost are what the limits were charged with: `estimated` where the vendor told nothing, an `overrun`
    where it was more than was reserved."""

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
    """All attempts together. Input and output are what vendors told, the total what the limits were charged with; null
    is unknown."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int
    cost_usd: Dollars | None


class AuditRecordView(ResponseModel):
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
    items: tuple[AuditRecordView, ...]
    next_cursor: str | None


class AuditMessageView(ResponseModel):
    role: str
    text: str


class AuditPromptView(ResponseModel):
    """What the model was told: the task's instructions, and the messages with what the user wrote."""

    system: str
    messages: tuple[AuditMessageView, ...]


class AuditAccessView(ResponseModel):
    at: str
    user_id: str
    kind: AccessKind


class AuditRecordExport(AuditRecordView):
    """`prompt` and `answer` are null where they are not kept: by the company's choice, their age, or an erasure."""

    task: str
    prompt_version: str
    prompt: AuditPromptView | None
    answer: str | None


class AuditRecordDetail(AuditRecordExport):
    """`accesses` are those who read, exported or erased prompt and answer, this reading included."""

    accesses: tuple[AuditAccessView, ...]


def list_records(caller: Caller, query: AuditLogsQuery) -> AuditLogsPage:
    """A page of records; raises StoreUnavailable.

    It may hold less than asked for and still not be the last: one search looks at so many records and no more.
    """
    wanted = _allowed(caller, query.filter())
    after = _position(caller, wanted, query.cursor) if query.cursor else None
    found = audit_store().search(caller.tenant_id, wanted, limit=query.limit, after=after)
    return AuditLogsPage(
        items=tuple(record_view(record) for record in found.records),
        next_cursor=_cursor(caller, wanted, found.last) if found.last else None,
    )


def get_record(caller: Caller, path: AuditRecordPath) -> AuditRecordDetail:
    """A whole record; who reads its content is written down first. Raises NotFound and StoreUnavailable."""
    store, now_ms = audit_store(), SystemClock().now_ms()
    record = store.load(caller.tenant_id, path.id)
    if record is None or not (Role.ADMIN in caller.roles or record.user_id == caller.user_id):
        raise NotFound
    contents = store.contents(caller.tenant_id, record.id, now_ms // 1000)
    if contents:
        store.record_access(caller.tenant_id, _reading(caller, record, now_ms))
    return AuditRecordDetail(
        **dict(export_view(record, contents)),
        accesses=tuple(
            AuditAccessView(at=iso(access.at_ms), user_id=access.user_id, kind=_access_kind(access))
            for access in store.accesses(caller.tenant_id, record.id)
        ),
    )


def export_view(record: AuditRecord, contents: Sequence[Content]) -> AuditRecordExport:
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
    """Return the kind that is shown. Whatever a newer version did with content, somebody has had it."""
    return AccessKind(access.kind) if access.kind in AccessKind else AccessKind.READ


def milliseconds(moment: datetime) -> int:
    """Since 1970 UTC, within what ids can tell."""
    return min(max(0, int(moment.timestamp() * 1000)), NEVER_MS)


def _allowed(caller: Caller, wanted: AuditFilter) -> AuditFilter:
    """Who is no administrator sees the own history and nobody else's."""
    if Role.ADMIN in caller.roles:
        return wanted
    if wanted.user_id not in {None, caller.user_id}:
        raise Forbidden("The records of others need the role 'admin'.")
    return wanted.model_copy(update={"user_id": caller.user_id})


def _reading(caller: Caller, record: AuditRecord, now_ms: int) -> AccessEntry:
    return AccessEntry(
        id=uuid7(now_ms),
        at_ms=now_ms,
        record_id=record.id,
        kind=AccessKind.READ,
        user_id=caller.user_id,
        ip=caller.ip,
        user_agent=caller.user_agent,
    )


def _cursor(caller: Caller, wanted: AuditFilter, last: str) -> str:
    """The record that a page ended with, and a digest of whose question that was.

    The digest needs no key: a cursor names a place in the caller's own records, whoever made it up.
    """
    return urlsafe_b64encode(last.encode() + _digest(caller, wanted, last)).decode().rstrip("=")


def _position(caller: Caller, wanted: AuditFilter, cursor: str) -> str:
    """Raises ValidationFailed for a cursor of another company, another question, or of nobody."""
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)) if len(cursor) % 4 != 1 else b""
    last, digest = raw[:ID_LENGTH].decode("ascii", "replace"), raw[ID_LENGTH:]
    if not compare_digest(digest, _digest(caller, wanted, last)):
        raise field_error("cursor", "This is no cursor of this question; begin without one", "cursor")
    return last


def _digest(caller: Caller, wanted: AuditFilter, last: str) -> bytes:
    # Without the criteria that are not asked for, of which versions have different ones.
    question = [caller.tenant_id, wanted.model_dump(mode="json", exclude_none=True), last]
    return sha256(json.dumps(question, sort_keys=True).encode()).digest()[:16]


def record_view(record: AuditRecord) -> AuditRecordView:
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
    cost_micros = _sum([attempt.cost_micros for attempt in sent])
    return AuditUsageView(
        input_tokens=_sum([attempt.input_tokens for attempt in sent]),
        output_tokens=_sum([attempt.output_tokens for attempt in sent]),
        total_tokens=record.charged_tokens,
        cost_usd=None if cost_micros is None else dollars_from_micros(cost_micros),
    )


def _sum(amounts: list[int | None]) -> int | None:
    """None where one of them is unknown."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
