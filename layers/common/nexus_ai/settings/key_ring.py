"""Encrypt and decrypt provider keys.

A key is sent to its provider only. The encryption context binds its ciphertext to tenant and provider.
"""

import hmac
from collections import OrderedDict
from threading import Lock

from nexus_ai.aws import kms
from nexus_ai.platform.clock import Clock, SystemClock
from nexus_ai.platform.once import Once
from nexus_ai.settings.models import ProviderConfig

# Lifetime and maximum number of decrypted keys in memory.
CACHE_TTL_MS = 5 * 60 * 1000
MAX_CACHED_KEYS = 256


def context(tenant_id: str, provider: str) -> dict[str, str]:
    """Return the KMS encryption context of a provider key."""
    return {"tenant": tenant_id, "provider": provider}


def encrypt(tenant_id: str, provider: str, api_key: str) -> bytes:
    """Return the KMS ciphertext of a key.

    Raises:
        KeyServiceUnavailable: KMS cannot be reached.
    """
    return kms.encrypt(api_key, context(tenant_id, provider))


def last_four(api_key: str) -> str:
    """Return the last four characters of a key, or an empty string if the key has less than twelve."""
    return api_key[-4:] if len(api_key) >= 12 else ""


def fingerprint(tenant_id: str, api_key: str) -> str:
    """Return sixteen hexadecimal digits that identify a key within one tenant.

    The digest depends on the tenant, so that fingerprints do not reveal that two tenants use the same key. The provider
    key is the key of the HMAC.
    """
    return hmac.digest(api_key.encode(), f"fingerprint {tenant_id}".encode(), "sha256").hex()[:16]


def fields(tenant_id: str, provider: str, api_key: str) -> dict[str, bytes | str]:
    """Return the fields of a provider config that are derived from a key.

    Raises:
        KeyServiceUnavailable: KMS cannot be reached.
    """
    return {
        "key_ciphertext": encrypt(tenant_id, provider, api_key),
        "key_last_four": last_four(api_key),
        "key_fingerprint": fingerprint(tenant_id, api_key),
    }


class KeyRing:
    """Cache of decrypted keys in memory, by their ciphertext. A new key has another ciphertext and applies at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._cache: OrderedDict[tuple[str, str, bytes], tuple[int, str]] = OrderedDict()

    def in_memory(self, tenant_id: str, config: ProviderConfig) -> str | None:
        """Return the key in clear text if it is in memory."""
        with self._lock:
            cached = self._cache.get((tenant_id, config.provider, config.key_ciphertext))
        return cached[1] if cached and cached[0] > self._clock.now_ms() else None

    def api_key(self, tenant_id: str, config: ProviderConfig) -> str:
        """Return the key in clear text.

        Raises:
            KeyUnreadable: The ciphertext is damaged, or bound to another tenant or provider.
            KeyServiceUnavailable: KMS cannot be reached.
        """
        api_key = self.in_memory(tenant_id, config)
        if api_key is not None:
            return api_key
        now_ms = self._clock.now_ms()
        api_key = kms.decrypt(config.key_ciphertext, context(tenant_id, config.provider))
        with self._lock:
            self._cache[tenant_id, config.provider, config.key_ciphertext] = (now_ms + CACHE_TTL_MS, api_key)
            while len(self._cache) > MAX_CACHED_KEYS:
                self._cache.popitem(last=False)
        return api_key


# One instance per process.
key_ring = Once(lambda: KeyRing(SystemClock()))
