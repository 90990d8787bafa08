"""Build audit records and access entries: one builder for each."""

from typing import Any, Protocol

from nexus_ai.audit.models import AccessEntry, AccessKind, AuditRecord, AuditStatus
from nexus_ai.limits.models import ABANDONED_AFTER_MS
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import local_day


class Origin(Protocol):
    """IP address and user agent of a request."""

    @property
    def ip(self) -> str | None:
        """IP address, if API Gateway reported one."""
        ...

    @property
    def user_agent(self) -> str | None:
        """User agent, if the client sent one."""
        ...


def new_record[T](
    caller: Caller, call: ModelCall[T], status: AuditStatus, *, time_zone: str, now_ms: int, **fields: Any
) -> AuditRecord:
    """Return the audit record of a request.

    Args:
        caller: Caller of the request.
        call: The model call; of its values the record keeps module, task and prompt version.
        status: Status of the request.
        time_zone: Time zone of the tenant, in which the record's day is.
        now_ms: Current time, from which the latency follows. An open record has none.
        fields: Provider, model, attempts and the fields that only some statuses have.
    """
    return AuditRecord(
        id=caller.request_id,
        at_ms=caller.started_at_ms,
        day=local_day(caller.started_at_ms, time_zone),
        time_zone=time_zone,
        deadline_ms=caller.deadline.at_ms + ABANDONED_AFTER_MS,
        tenant_id=caller.tenant_id,
        user_id=caller.user_id,
        module=call.module,
        endpoint=caller.endpoint,
        task=call.task,
        prompt_version=call.prompt_version,
        status=status,
        ip=caller.ip,
        user_agent=caller.user_agent,
        latency_ms=None if status is AuditStatus.OPEN else max(0, now_ms - caller.started_at_ms),
        **fields,
    )


def new_access(
    record: AuditRecord, kind: AccessKind, origin: Origin, *, entry_id: str, at_ms: int, user_id: str
) -> AccessEntry:
    """Return the entry that says who accessed the content of a record."""
    return AccessEntry(
        id=entry_id,
        at_ms=at_ms,
        record_id=record.id,
        kind=kind,
        user_id=user_id,
        ip=origin.ip,
        user_agent=origin.user_agent,
    )
