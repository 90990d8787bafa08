"""Look up cached responses, and decide which completions may be cached."""

from collections.abc import Sequence
from dataclasses import dataclass

from nexus_ai.aws.dynamodb.table import Item, Read, Table, read_together
from nexus_ai.cache.key import cache_key
from nexus_ai.cache.models import CachedResponse
from nexus_ai.cache.store import CacheStore
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.observability import logger
from nexus_ai.platform.units import DAY_S
from nexus_ai.settings.content_policy import apply_content_policy
from nexus_ai.settings.models import Preferences


@dataclass(frozen=True, slots=True)
class Hit[T]:
    """Cache hit. `data` is the task's output, parsed from the response's text."""

    key: str
    response: CachedResponse
    data: T


def cache_key_for[T](caller: Caller, call: ModelCall[T], provider: str, model: str) -> str:
    """Return the cache key of a model call with this provider and model."""
    parameters = {
        "task": call.task,
        "promptVersion": call.prompt_version,
        "maxTokens": call.prompt.max_tokens,
        "temperature": call.prompt.temperature,
        "request": call.parameters,
    }
    return cache_key(tenant_id=caller.tenant_id, provider=provider, model=model, parameters=parameters)


@dataclass(frozen=True, slots=True)
class ResponseCache:
    """Response cache, with the tenant's preferences applied."""

    store: CacheStore
    clock: Clock

    def look_up[T](
        self, caller: Caller, preferences: Preferences, call: ModelCall[T], key: str, *other_reads: Read
    ) -> tuple[Hit[T] | None, Sequence[Item | None]]:
        """Look up a cached response, and read other items in the same call of the store.

        A store that fails, or a damaged entry, is logged and treated as a miss.

        Args:
            caller: Sets the tenant. It may ask for a fresh completion, which skips the look-up.
            preferences: The tenant's preferences, which may switch the cache off.
            call: The model call, whose output contract the cached text has to keep.
            key: The cache key.
            other_reads: Items to read at the same time.

        Returns:
            The hit, or None for a miss; and the other items, which are empty if nothing was read.
        """
        if caller.refresh_cache or preferences.cache_ttl_days == 0:
            return None, ()
        others: list[Item | None] = []
        try:
            item, *others = read_together([self.store.read(caller.tenant_id, key), *other_reads])
            found = self.store.parse(item, self._now_s())
            return (Hit(key, found, call.parse(found.text)) if found else None), others
        except Exception as error:  # noqa: BLE001 (an entry may be damaged in any way)
            logger().warning("the cache could not be read", exc_info=error)
            return None, others

    def writes(
        self, caller: Caller, preferences: Preferences, key: str, response: CachedResponse
    ) -> list[tuple[Table, Item]]:
        """Return the item that caches a response.

        Returns:
            No item if the caller or the tenant's preferences forbid caching, or if the response contains text that the
            tenant's content policy would mask or drop.
        """
        if (
            caller.store_nothing
            or preferences.cache_ttl_days == 0
            or apply_content_policy(response.text, preferences.audit_content) != response.text
        ):
            return []
        expires_at = self._now_s() + preferences.cache_ttl_days * DAY_S
        return self.store.writes(caller.tenant_id, key, response, expires_at)

    def count_hit[T](self, caller: Caller, hit: Hit[T]) -> None:
        """Count a hit on its cache entry."""
        self.store.count_hit(caller.tenant_id, hit.key, hit.response)

    def _now_s(self) -> int:
        return self.clock.now_ms() // 1000
