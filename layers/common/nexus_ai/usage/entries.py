"""Usage entries: what one audit record adds to the roll-ups."""

from nexus_ai.audit.models import Attempt, AuditRecord, AuditStatus, fell_back
from nexus_ai.usage.models import NOBODY, Counts, UsageEntry


def usage_entries(record: AuditRecord) -> list[UsageEntry]:
    """What a record adds to the roll-ups: the request to its last provider, tokens and cost to whom each was paid.

    A rejection has reached no provider, and the model that it names need not exist: it stands under neither.
    """
    if record.status is AuditStatus.REJECTED:
        counts = Counts(rejections=1)
        return [UsageEntry(day=record.day, provider=NOBODY, model=NOBODY, module=record.module, counts=counts)]
    entries: dict[tuple[str, str], Counts] = {(record.provider, record.model): _request_counts(record)}
    for attempt in record.attempts:
        name = (attempt.provider, attempt.model)
        before = entries.get(name, Counts())
        entries[name] = before.model_copy(
            update={
                "input_tokens": before.input_tokens + _input(attempt),
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


def _input(attempt: Attempt) -> int:
    """An estimate is one number, and stands with the input."""
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
