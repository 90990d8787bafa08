"""Store cached responses in the Cache table."""

import zlib
from collections.abc import Iterable
from itertools import batched

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import BATCH, ConditionFailed, Item, Read, Table, delete_together
from nexus_ai.cache.models import CachedResponse

# A DynamoDB item holds at most 400 KB. A text that compresses to more than this is not cached.
MAX_BYTES = 300 * 1024


def _item(tenant_id: str, cache_key: str, response: CachedResponse, expires_at: int) -> Item:
    return {
        **keys.cached_response(tenant_id, cache_key),
        **response.model_dump(exclude={"text"}),
        "body": zlib.compress(response.text.encode()),
        "expiresAt": expires_at,
    }


def _response(item: Item) -> CachedResponse:
    return CachedResponse.model_validate({**item, "text": zlib.decompress(item["body"]).decode()})


class CacheStore:
    """Cached responses in the Cache table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, tenant_id: str, cache_key: str) -> Read:
        """Return a read operation for an entry, which the caller runs alone or in a batch. `parse` takes the item."""
        return Read(self._table, keys.cached_response(tenant_id, cache_key))

    def parse(self, item: Item | None, now_s: int) -> CachedResponse | None:
        """Return the cached response; None if the entry is missing or has expired.

        Expiry is checked here because DynamoDB deletes expired items up to two days late.
        """
        return _response(item) if item and item["expiresAt"] > now_s else None

    def writes(
        self, tenant_id: str, cache_key: str, response: CachedResponse, expires_at: int
    ) -> list[tuple[Table, Item]]:
        """Return the item that replaces the entry, or no item if the text is too large.

        Args:
            tenant_id: The tenant of the entry.
            cache_key: The cache key.
            response: The response to cache.
            expires_at: The end of its life, in seconds since the epoch.
        """
        item = _item(tenant_id, cache_key, response, expires_at)
        return [(self._table, item)] if len(item["body"]) <= MAX_BYTES else []

    def forget(self, tenant_id: str, cache_keys: Iterable[str]) -> None:
        """Delete entries; keys without an entry are ignored."""
        for batch in batched(sorted(set(cache_keys)), BATCH, strict=False):
            delete_together([(self._table, keys.cached_response(tenant_id, cache_key)) for cache_key in batch])

    def count_hit(self, tenant_id: str, cache_key: str, response: CachedResponse) -> None:
        """Add a hit, and its known savings, to an entry. An entry that was deleted since the look-up stays deleted."""
        try:
            self._table.update(
                keys.cached_response(tenant_id, cache_key),
                "ADD hits :one, savedTokens :tokens, savedCostMicros :cost",
                {":one": 1, ":tokens": response.total_tokens or 0, ":cost": response.cost_micros or 0},
                condition="attribute_exists(PK)",
                repeatable=False,
            )
        except ConditionFailed:
            return
