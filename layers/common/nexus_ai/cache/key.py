"""The key of an answer: everything that could change it, and whose it is."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

# Part of every key: a new form of keys or entries leaves the old ones to their TTL.
VERSION = 1


def cache_key(*, tenant_id: str, provider: str, model: str, parameters: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of the canonical form (sorted keys, no white space, ASCII) of all that is given.

    `parameters` are JSON values: whatever of the request and of the task changes the answer. The tenant is part of it,
    so that equal requests of two tenants have different keys.
    """
    named = {"version": VERSION, "tenant": tenant_id, "provider": provider, "model": model, "parameters": parameters}
    canonical = json.dumps(named, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(canonical.encode()).hexdigest()
