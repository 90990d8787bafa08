"""The company's audit records, newest first. Prompts and answers are not in a list."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from nexus_ai.audit.models import Attempt, AuditRecord
from nexus_ai.core.caller import Caller
from nexus_ai.core.clock import iso
from nexus_ai.core.money import dollars_from_micros
from nexus_ai.core.wire import Dollars, ParameterModel, ResponseModel
from nexus_ai.gateway.composition import audit_store

# The end of time as far as ids tell it: 9999-12-31T23:59:59.999Z.
NEVER_MS = 253_402_300_799_999


class AuditLogsQuery(ParameterModel):
    """Records that began at `from` or later and before `to`, after the one that `cursor` names."""

    limit: int = Field(default=50, ge=1, le=100)
    since: AwareDatetime | None = Field(default=None, alias="from")
    until: AwareDatetime | None = Field(default=None, alias="to")
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = None


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


def page(caller: Caller, query: AuditLogsQuery) -> AuditLogsPage:
    """A page of records; raises StoreUnavailable."""
    found = audit_store().between(
        caller.tenant_id,
        _ms(query.since) if query.since else 0,
        _ms(query.until) if query.until else NEVER_MS,
        before=query.cursor,
        # One more tells whether there is another page.
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    return AuditLogsPage(
        items=tuple(_record(record) for record in shown),
        next_cursor=shown[-1].id if len(found) > query.limit else None,
    )


def _ms(moment: datetime) -> int:
    """Milliseconds since 1970 UTC, within what ids can tell."""
    return min(max(0, int(moment.timestamp() * 1000)), NEVER_MS)


def _record(record: AuditRecord) -> AuditRecordView:
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
