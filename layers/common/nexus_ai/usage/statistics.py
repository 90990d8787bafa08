"""Calculate totals, rates and percentiles from any set of roll-ups."""

from collections import Counter
from collections.abc import Mapping

from nexus_ai.usage.models import LATENCY_BUCKETS_MS, Counts
from nexus_ai.usage.store import latency_bucket

# Names of the buckets as they are stored. The last bucket has everything above the highest bound.
_BUCKETS = tuple(latency_bucket(bound) for bound in (*LATENCY_BUCKETS_MS, LATENCY_BUCKETS_MS[-1] + 1))


class Tally:
    """Sum of roll-ups."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._buckets: Counter[str] = Counter()

    def add(self, counts: Counts, buckets: Mapping[str, int]) -> None:
        """Add the counters and the latency buckets of a roll-up."""
        self._numbers.update(counts.model_dump())
        self._buckets.update(buckets)

    @property
    def counts(self) -> Counts:
        """Sum of the counters."""
        return Counts(**self._numbers)

    @property
    def timed(self) -> int:
        """Number of requests with a known latency. Abandoned requests have none."""
        return self._buckets.total()

    @property
    def mean_latency_ms(self) -> int | None:
        """Mean latency in milliseconds; None without requests."""
        return round(self._numbers["latency_ms"] / self.timed) if self.timed else None

    @property
    def p95_latency_ms(self) -> int | None:
        """Upper bound of the bucket that holds the 95th percentile; for the last bucket, its lower bound."""
        rank = -(-95 * self.timed // 100)
        reached = 0
        for bucket, bound in zip(_BUCKETS, (*LATENCY_BUCKETS_MS, LATENCY_BUCKETS_MS[-1]), strict=True):
            reached += self._buckets[bucket]
            if reached and reached >= rank:
                return bound
        return None

    def rate(self, part: int) -> float | None:
        """Return `part` as a share of all requests, rounded to four decimals; None without requests."""
        requests = self._numbers["requests"]
        return round(part / requests, 4) if requests else None
