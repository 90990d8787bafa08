"""Compute cache keys.

`response_cache.cache_key_for` lists the fields of a key. Each task's `service.py` adds those of its request.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

# Part of every key. After a change of the key's or the entry's form, a new version leaves old entries to their TTL.
VERSION = 1


def cache_key(*, tenant_id: str, provider: str, model: str, parameters: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, of the arguments as canonical JSON (sorted keys, no white space, ASCII).

    Args:
        tenant_id: Part of the key, so equal requests of two tenants have different keys.
        provider: The provider that completes the prompt.
        model: The provider's model.
        parameters: Everything else of the request and the task that changes the completion, as JSON values.
    """
    named = {"version": VERSION, "tenant": tenant_id, "provider": provider, "model": model, "parameters": parameters}
    canonical = json.dumps(named, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(canonical.encode()).hexdigest()
