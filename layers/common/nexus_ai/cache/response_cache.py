"""The cache as the pipeline uses it: which answers may be kept, under which key, and what a hit is worth."""

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
    """A kept answer, and what the task makes of its text."""

    key: str
    answer: CachedResponse
    data: T


def cache_key_for[T](caller: Caller, call: ModelCall[T], provider: str, model: str) -> str:
    asked = {
        "task": call.task,
        "promptVersion": call.prompt_version,
        "maxTokens": call.prompt.max_tokens,
        "temperature": call.prompt.temperature,
        "request": call.parameters,
    }
    return cache_key(tenant_id=caller.tenant_id, provider=provider, model=model, parameters=asked)


@dataclass(frozen=True, slots=True)
class ResponseCache:
    store: CacheStore
    clock: Clock

    def look_up[T](
        self, caller: Caller, preferences: Preferences, call: ModelCall[T], key: str, *beside: Read
    ) -> tuple[Hit[T] | None, Sequence[Item | None]]:
        """An answer that is kept and keeps the contract, and what was read beside it in the same call of the store.

        A cache that cannot be read costs no more than the call, and tells nothing of what stands beside it either.
        """
        if caller.refresh_cache or preferences.cache_ttl_days == 0:
            return None, ()
        others: list[Item | None] = []
        try:
            item, *others = read_together([self.store.read(caller.tenant_id, key), *beside])
            found = self.store.parse(item, self._now_s())
            return (Hit(key, found, call.parse(found.text)) if found else None), others
        except Exception as error:  # noqa: BLE001 (an entry may be damaged in any way)
            logger().warning("the cache gave nothing", exc_info=error)
            return None, others

    def writes(
        self, caller: Caller, preferences: Preferences, key: str, answer: CachedResponse
    ) -> list[tuple[Table, Item]]:
        """What keeps a whole answer; nothing where it holds what the tenant wants kept nowhere."""
        if (
            caller.store_nothing
            or preferences.cache_ttl_days == 0
            or apply_content_policy(answer.text, preferences.audit_content) != answer.text
        ):
            return []
        expires_at = self._now_s() + preferences.cache_ttl_days * DAY_S
        return self.store.writes(caller.tenant_id, key, answer, expires_at)

    def count_hit[T](self, caller: Caller, hit: Hit[T]) -> None:
        self.store.count_hit(caller.tenant_id, hit.key, hit.answer)

    def _now_s(self) -> int:
        return self.clock.now_ms() // 1000
