"""Roll-ups added up: totals, rates and percentiles of any choice of them."""

from collections import Counter
from collections.abc import Mapping

from nexus_ai.usage.models import LATENCY_BUCKETS_MS, Counts
from nexus_ai.usage.store import latency_bucket

# By the names that the buckets have in the items; the last one takes what is above every bound.
_BUCKETS = tuple(latency_bucket(bound) for bound in (*LATENCY_BUCKETS_MS, LATENCY_BUCKETS_MS[-1] + 1))


class Tally:
    """A sum that roll-ups are added to, one by one."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._buckets: Counter[str] = Counter()

    def add(self, counts: Counts, buckets: Mapping[str, int]) -> None:
        self._numbers.update(counts.model_dump())
        self._buckets.update(buckets)

    @property
    def counts(self) -> Counts:
        return Counts(**self._numbers)

    @property
    def timed(self) -> int:
        """Requests whose latency is known: those that were abandoned have none."""
        return self._buckets.total()

    @property
    def mean_latency_ms(self) -> int | None:
        return round(self._numbers["latency_ms"] / self.timed) if self.timed else None

    @property
    def p95_latency_ms(self) -> int | None:
        """The upper bound of the bucket that 95 of 100 requests do not leave upwards; the last bucket's lower one."""
        rank = -(-95 * self.timed // 100)
        reached = 0
        for bucket, bound in zip(_BUCKETS, (*LATENCY_BUCKETS_MS, LATENCY_BUCKETS_MS[-1]), strict=True):
            reached += self._buckets[bucket]
            if reached and reached >= rank:
                return bound
        return None

    def rate(self, part: int) -> float | None:
        """The share of all requests, with four decimals; None where there are none."""
        requests = self._numbers["requests"]
        return round(part / requests, 4) if requests else None
