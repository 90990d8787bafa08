"""Define the models of usage roll-ups."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from nexus_ai.platform.schema import StoredModel

# Upper bounds of the latency buckets, in milliseconds; the last bucket has none. p95 is exact to one bucket.
LATENCY_BUCKETS_MS = (50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12000, 16000, 24000, 32000)

# Provider and model of requests that reached no provider.
NO_PROVIDER = "none"


class Counts(StoredModel):
    """Counters of a roll-up. Money is in micro-dollars, times are in milliseconds.

    `requests` counts completed requests, cache hits and errors; a rejection counts only as `rejections`. Tokens and
    cost are the amounts that were charged to the limits.
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
    """Stored state of a reconciliation that ran out of time.

    Attributes:
        after: Id of the last record that was added.
        sums: Sums so far, by the sort keys of the roll-ups.
        zones: Time zones of the day's marks.
        counters: Names of the counters that were added. Another version may not add all of them.
    """

    after: str
    sums: Mapping[str, Mapping[str, int]]
    zones: tuple[str, ...]
    counters: tuple[str, ...] = ()


class UsageEntry(BaseModel):
    """Amounts that one request adds to the roll-up of a local day, provider, model and module."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: str
    provider: str
    model: str
    module: str
    counts: Counts
    latency_ms: int | None = None
