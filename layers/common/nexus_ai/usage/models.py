"""What a day's calls of one provider, model and module add up to."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from nexus_ai.platform.schema import StoredModel

# Upper bounds of the buckets of latency, in milliseconds; the last bucket has none. p95 is exact to one bucket.
LATENCY_BUCKETS_MS = (50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12000, 16000, 24000, 32000)


# Provider and model of a request that got to none.
NOBODY = "none"


class Counts(StoredModel):
    """Counters that only ever add up. Money in micro-dollars, times in milliseconds.

    `requests` counts answers, hits and errors; a rejection counts as `rejections` alone. Tokens and cost are what the
    limits were charged with.
    """

    requests: int = 0
    hits: int = 0
    rejections: int = 0
    errors: int = 0
    fallbacks: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    saved_tokens: int = 0
    saved_cost_micros: int = 0
    latency_ms: int = 0


class ReconciliationProgress(StoredModel):
    """How far a day was added up: the last record, and the sums by the roll-ups' sort keys.

    `zones` are those of the day's marks, `counters` what was counted: sums of another version may lack some.
    """

    after: str
    sums: Mapping[str, Mapping[str, int]]
    zones: tuple[str, ...]
    counters: tuple[str, ...] = ()


class UsageEntry(BaseModel):
    """What one request adds to the roll-up of a day, provider, model and module. `day` is the tenant's local one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: str
    provider: str
    model: str
    module: str
    counts: Counts
    latency_ms: int | None = None
