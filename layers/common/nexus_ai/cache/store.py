"""Cached answers in the Cache table."""

import zlib
from collections.abc import Iterable
from itertools import batched

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import BATCH, ConditionFailed, Item, Read, Table, delete_together
from nexus_ai.cache.models import CachedResponse

# An item holds 400 KB at most; an answer that compresses to more than this is not kept.
MAX_BYTES = 300 * 1024


def _item(tenant_id: str, cache_key: str, answer: CachedResponse, expires_at: int) -> Item:
    return {
        **keys.cached_response(tenant_id, cache_key),
        **answer.model_dump(exclude={"text"}),
        "body": zlib.compress(answer.text.encode()),
        "expiresAt": expires_at,
    }


def _answer(item: Item) -> CachedResponse:
    return CachedResponse.model_validate({**item, "text": zlib.decompress(item["body"]).decode()})


class CacheStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, tenant_id: str, cache_key: str) -> Read:
        """What reads an answer, by itself or together with other items; `answer` tells what was read."""
        return Read(self._table, keys.cached_response(tenant_id, cache_key))

    def parse(self, item: Item | None, now_s: int) -> CachedResponse | None:
        """The answer, unless its time has passed: DynamoDB deletes up to two days late."""
        return _answer(item) if item and item["expiresAt"] > now_s else None

    def writes(
        self, tenant_id: str, cache_key: str, answer: CachedResponse, expires_at: int
    ) -> list[tuple[Table, Item]]:
        """Return the item to put, whole: it is another answer. None for one that is too large."""
        item = _item(tenant_id, cache_key, answer, expires_at)
        return [(self._table, item)] if len(item["body"]) <= MAX_BYTES else []

    def forget(self, tenant_id: str, cache_keys: Iterable[str]) -> None:
        """Deletes answers, those that are not there included."""
        for some in batched(sorted(set(cache_keys)), BATCH, strict=False):
            delete_together([(self._table, keys.cached_response(tenant_id, cache_key)) for cache_key in some])

    def count_hit(self, tenant_id: str, cache_key: str, answer: CachedResponse) -> None:
        """Counts a hit and what is known of its savings. An entry that has gone meanwhile is not made again."""
        try:
            self._table.update(
                keys.cached_response(tenant_id, cache_key),
                "ADD hits :one, savedTokens :tokens, savedCostMicros :cost",
                {":one": 1, ":tokens": answer.total_tokens or 0, ":cost": answer.cost_micros or 0},
                condition="attribute_exists(PK)",
                repeatable=False,
            )
        except ConditionFailed:
            return
