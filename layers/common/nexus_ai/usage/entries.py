"""Calculate the usage entries that an audit record adds to the roll-ups."""

from nexus_ai.audit.models import Attempt, AuditRecord, AuditStatus, fell_back
from nexus_ai.usage.models import NO_PROVIDER, Counts, UsageEntry


def usage_entries(record: AuditRecord) -> list[UsageEntry]:
    """Return what a record adds to the roll-ups.

    The request counts for its last provider and model. Tokens and cost count for the provider of each attempt. A
    rejection counts for no provider and no model, because it reached none and its model may not exist.
    """
    if record.status is AuditStatus.REJECTED:
        counts = Counts(rejections=1)
        return [
            UsageEntry(day=record.day, provider=NO_PROVIDER, model=NO_PROVIDER, module=record.module, counts=counts)
        ]
    entries: dict[tuple[str, str], Counts] = {(record.provider, record.model): _request_counts(record)}
    for attempt in record.attempts:
        name = (attempt.provider, attempt.model)
        before = entries.get(name, Counts())
        entries[name] = before.model_copy(
            update={
                "input_tokens": before.input_tokens + _input_tokens(attempt),
                "output_tokens": before.output_tokens + (attempt.output_tokens or 0),
                "cost_micros": before.cost_micros + (attempt.cost_micros or 0),
            }
        )
    return [
        UsageEntry(
            day=record.day,
            provider=provider,
            model=model,
            module=record.module,
            counts=counts,
            latency_ms=record.latency_ms if counts.requests else None,
        )
        for (provider, model), counts in entries.items()
    ]


def _input_tokens(attempt: Attempt) -> int:
    """Return the input tokens of an attempt. An estimate is one number, which counts as input."""
    return attempt.charged_tokens if attempt.estimated else attempt.input_tokens or 0


def _request_counts(record: AuditRecord) -> Counts:
    return Counts(
        requests=1,
        hits=record.status is AuditStatus.CACHED,
        errors=record.status in {AuditStatus.FAILED, AuditStatus.ABANDONED},
        fallbacks=fell_back(record),
        saved_tokens=record.saved_tokens or 0,
        saved_cost_micros=record.saved_cost_micros or 0,
        latency_ms=record.latency_ms or 0,
    )
