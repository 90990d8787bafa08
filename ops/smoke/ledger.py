"""Record the calls of a run, and compute the usage and audit records that must result from them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ops.smoke.responses import Record, Usage, UsageStats
from ops.smoke.tenant import MODULE, MODULES


@dataclass(frozen=True, slots=True)
class Call:
    """Request with an audit record. `status` and `usage` follow from its response; None if it does not show them."""

    check: str
    request_id: str
    status: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over calls. Tokens are the sum of input and output."""

    requests: int = 0
    cache_hits: int = 0
    rejections: int = 0
    errors: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    def minus(self, other: "Sums") -> "Sums":
        return Sums(
            self.requests - other.requests,
            self.cache_hits - other.cache_hits,
            self.rejections - other.rejections,
            self.errors - other.errors,
            self.tokens - other.tokens,
            self.cost_usd - other.cost_usd,
        )

    def __str__(self) -> str:
        return (
            f"requests {self.requests}, cache hits {self.cache_hits}, rejections {self.rejections}, "
            f"errors {self.errors}, tokens {self.tokens}, cost ${self.cost_usd:f}"
        )


def used(stats: UsageStats) -> Sums:
    """Return the usage of the modules that a run calls."""
    counts = [each for each in stats.by_module if each.module in MODULES]
    return Sums(
        requests=sum(each.requests for each in counts),
        cache_hits=sum(each.cache_hits for each in counts),
        rejections=sum(each.rejections for each in counts),
        errors=sum(each.errors for each in counts),
        tokens=sum(each.input_tokens + each.output_tokens for each in counts),
        cost_usd=sum((each.cost_usd for each in counts), Decimal(0)),
    )


def expected(calls: Sequence[Call], records: Mapping[str, Record]) -> Sums:
    """Return the usage that the calls must have added.

    Connection tests, failed calls and tasks whose provider reported no usage have none in their response. For those the
    usage of the audit record counts.
    """
    statuses: Counter[str] = Counter()
    tokens, cost = 0, Decimal(0)
    for call in calls:
        record = records.get(call.request_id)
        statuses[call.status or (record.status if record else "failed")] += 1
        recorded = record.usage if record else None
        usage = recorded if call.usage is None or call.usage.total_tokens is None else call.usage
        if usage:
            tokens += usage.total_tokens or 0
            cost += usage.cost_usd or 0
    rejections = statuses["rejected"]
    errors = statuses["failed"] + statuses["abandoned"]
    return Sums(len(calls) - rejections, statuses["cached"], rejections, errors, tokens, cost)


def differences(calls: Sequence[Call], records: Sequence[Record]) -> list[str]:
    """Return the differences between audit records and calls, one sentence each."""
    ids = {call.request_id for call in calls}
    times = Counter(record.id for record in records)
    found = {record.id: record for record in records}
    wrong = [f"{call.check} has {times[call.request_id]} records" for call in calls if times[call.request_id] != 1]
    wrong += [f"record {record.id} belongs to no call" for record in records if _is_alien(record, ids)]
    for call in calls:
        record = found.get(call.request_id)
        if record is None:
            continue
        if call.status and record.status != call.status:
            wrong.append(f"the record of {call.check} is {record.status} instead of {call.status}")
        if call.usage and _known(call.usage) != _known(record.usage):
            wrong.append(f"the record of {call.check} has {_text(record.usage)}, its response {_text(call.usage)}")
    return wrong


def _is_alien(record: Record, ids: set[str]) -> bool:
    return record.module == MODULE and record.id not in ids


def _known(usage: Usage) -> tuple[int | None, int | None, Decimal | None]:
    """Return the figures that must be equal. The totals differ if the provider reported no usage."""
    return usage.input_tokens, usage.output_tokens, usage.cost_usd


def _text(usage: Usage) -> str:
    cost = "unknown cost" if usage.cost_usd is None else f"${usage.cost_usd:f}"
    return f"{usage.input_tokens} + {usage.output_tokens} tokens for {cost}"
