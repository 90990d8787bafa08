"""Emit the metrics of a model call, in log lines that also carry OpenTelemetry's GenAI attributes.

A call emits one line, each attempt another one, and each failed attempt one more. The only dimensions are the provider
and the failure kind, because CloudWatch bills each combination of dimension values. Tenants and models are too many for
that. They are attributes of the lines and fields of the audit records.
"""

from collections.abc import Mapping
from typing import Final

from nexus_ai.audit.models import Attempt, AuditRecord, AuditStatus, Outcome, fell_back
from nexus_ai.platform.observability import Unit, metrics
from nexus_ai.platform.units import MICROS_PER_DOLLAR
from nexus_ai.providers.base import ProviderName

# Names that differ from ours in the GenAI semantic conventions (`gen_ai.provider.name`).
_PROVIDER_NAMES: Final[Mapping[str, str]] = {ProviderName.GOOGLE: "gcp.gemini"}


def emit(record: AuditRecord) -> None:
    """Emit the metrics of a call that has ended, with any status."""
    is_rejected = record.status is AuditStatus.REJECTED
    failed = record.status in {AuditStatus.FAILED, AuditStatus.ABANDONED}
    values = {
        "Requests": (1, Unit.COUNT),
        "Rejections": (int(is_rejected), Unit.COUNT),
        "CacheHits": (int(record.status is AuditStatus.CACHED), Unit.COUNT),
        "Fallbacks": (int(fell_back(record)), Unit.COUNT),
        "Failures": (int(failed), Unit.COUNT),
        "Tokens": (record.charged_tokens, Unit.COUNT),
        "CostUsd": (record.cost_micros / MICROS_PER_DOLLAR, Unit.NONE),
    }
    if record.latency_ms is not None and not is_rejected:
        values["Latency"] = (record.latency_ms, Unit.MILLISECONDS)
    metrics(values, attributes=_call(record))
    for attempt in record.attempts:
        if attempt.outcome is not Outcome.SKIPPED:
            _emit_attempt(record, attempt)


def _emit_attempt(record: AuditRecord, attempt: Attempt) -> None:
    is_failed = attempt.outcome is not Outcome.ANSWERED
    values = {
        "ProviderCalls": (1, Unit.COUNT),
        "ProviderErrors": (int(is_failed), Unit.COUNT),
        "ProviderLatency": (attempt.latency_ms, Unit.MILLISECONDS),
    }
    provider = {"provider": attempt.provider}
    attributes = _call(record) | _of_model(attempt.provider, attempt.model)
    if attempt.input_tokens is not None:
        attributes["gen_ai.usage.input_tokens"] = attempt.input_tokens
    if attempt.output_tokens is not None:
        attributes["gen_ai.usage.output_tokens"] = attempt.output_tokens
    if attempt.error_code is not None:
        attributes["error.type"] = attempt.error_code
    metrics(values, dimensions=provider, attributes=attributes)
    if is_failed:
        kind = {"kind": attempt.error_code or str(attempt.outcome)}
        metrics({"ProviderErrorsByKind": (1, Unit.COUNT)}, dimensions=provider | kind, attributes=attributes)


def _call(record: AuditRecord) -> dict[str, str | int]:
    """Return the attributes of a call. The ids are those of the logs, the audit record and the response."""
    attributes: dict[str, str | int] = {
        "request_id": record.id,
        "tenant_id": record.tenant_id,
        "module": record.module,
        "task": record.task,
        "status": str(record.status),
        **_of_model(record.provider, record.model),
    }
    if record.error_code is not None:
        attributes["error.type"] = record.error_code
    return attributes


def _of_model(provider: str, model: str) -> dict[str, str | int]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDER_NAMES.get(provider, provider),
        "gen_ai.request.model": model,
    }
