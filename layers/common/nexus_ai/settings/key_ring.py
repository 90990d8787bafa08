"""Provider keys: in once, never out but to the provider. The encryption context binds each to tenant and provider."""

import hmac
from collections import OrderedDict
from threading import Lock

from nexus_ai.aws import kms
from nexus_ai.platform.clock import Clock, SystemClock
from nexus_ai.platform.once import Once
from nexus_ai.settings.models import ProviderConfig

# How long a decrypted key is kept in memory, and how many of them.
CACHED_MS = 5 * 60 * 1000
MAX_CACHED = 256


def context(tenant_id: str, provider: str) -> dict[str, str]:
    return {"tenant": tenant_id, "provider": provider}


def encrypt(tenant_id: str, provider: str, api_key: str) -> bytes:
    """KMS ciphertext; raises KeyServiceUnavailable."""
    return kms.encrypt(api_key, context(tenant_id, provider))


def last_four(api_key: str) -> str:
    """The end of a key, for people; nothing of a key so short that its end is most of it."""
    return api_key[-4:] if len(api_key) >= 12 else ""


def fingerprint(tenant_id: str, api_key: str) -> str:
    """Sixteen hexadecimal digits that are the same for the same key of one tenant.

    The key itself keys the digest, so that who sees the fingerprints of two tenants learns nothing of their keys, not
    even whether they are equal.
    """
    return hmac.digest(api_key.encode(), f"fingerprint {tenant_id}".encode(), "sha256").hex()[:16]


def fields(tenant_id: str, provider: str, api_key: str) -> dict[str, bytes | str]:
    """What a configuration keeps of a key; raises KeyServiceUnavailable."""
    return {
        "key_ciphertext": encrypt(tenant_id, provider, api_key),
        "key_last_four": last_four(api_key),
        "key_fingerprint": fingerprint(tenant_id, api_key),
    }


class KeyRing:
    """Decrypts keys, and keeps them in memory by their ciphertext: a new key has another one, and binds at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, str, bytes], tuple[int, str]] = OrderedDict()

    def in_memory(self, tenant_id: str, config: ProviderConfig) -> str | None:
        """Return the key in the clear if KMS need not be asked for it."""
        with self._lock:
            kept = self._kept.get((tenant_id, config.provider, config.key_ciphertext))
        return kept[1] if kept and kept[0] > self._clock.now_ms() else None

    def api_key(self, tenant_id: str, config: ProviderConfig) -> str:
        """Return the key in the clear.

        Raises:
            KeyUnreadable: Its ciphertext is damaged, or bound to another tenant or provider.
            KeyServiceUnavailable: KMS does not decrypt it now.
        """
        api_key = self.in_memory(tenant_id, config)
        if api_key is not None:
            return api_key
        now_ms = self._clock.now_ms()
        api_key = kms.decrypt(config.key_ciphertext, context(tenant_id, config.provider))
        with self._lock:
            self._kept[tenant_id, config.provider, config.key_ciphertext] = (now_ms + CACHED_MS, api_key)
            while len(self._kept) > MAX_CACHED:
                self._kept.popitem(last=False)
        return api_key


# One a process.
key_ring = Once(lambda: KeyRing(SystemClock()))
