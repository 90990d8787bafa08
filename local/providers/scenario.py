"""Hold the behaviours that tests have queued and the calls that have arrived. Safe for use by several threads."""

import hashlib
import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from local.providers.behaviours import Answer, Behaviour
from nexus_ai.providers.base import ProviderName


@dataclass(frozen=True, slots=True)
class Call:
    """Call that has arrived, with any result.

    Attributes:
        headers: Lower-case names, without the key; `key_sha256` and `key_last4` identify the key.
        body: Parsed JSON; None if the body was not read or is not JSON.
        at_ms: Milliseconds since the epoch.
    """

    provider: ProviderName
    method: str
    path: str
    operation: str
    model: str | None
    headers: Mapping[str, str]
    key_sha256: str
    key_last4: str
    body: Any
    at_ms: int

    def as_json(self) -> dict[str, Any]:
        names = {"key_sha256": "keySha256", "key_last4": "keyLast4", "at_ms": "atMs"}
        return {names.get(name, name): value for name, value in asdict(self).items()}


def key_digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def parsed(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return None


class Scenario:
    """Queued behaviours and recorded calls of all providers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._scripts: dict[ProviderName, deque[Behaviour]] = {name: deque() for name in ProviderName}
        self._always: dict[ProviderName, Behaviour] = {}

    def script(self, provider: ProviderName, behaviours: Iterable[Behaviour]) -> None:
        """Queue behaviours, one for each of the next calls."""
        with self._lock:
            self._scripts[provider].extend(behaviours)

    def always(self, provider: ProviderName, behaviour: Behaviour | None) -> None:
        """Set the behaviour for an empty queue; None restores the plain response."""
        with self._lock:
            if behaviour is None:
                self._always.pop(provider, None)
            else:
                self._always[provider] = behaviour

    def next_behaviour(self, provider: ProviderName) -> Behaviour:
        with self._lock:
            queue = self._scripts[provider]
            return queue.popleft() if queue else self._always.get(provider, Answer())

    def record(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def calls(self, provider: ProviderName | None = None) -> tuple[Call, ...]:
        with self._lock:
            return tuple(call for call in self._calls if provider in {None, call.provider})

    def reset(self) -> None:
        """Delete calls, queues and settings."""
        with self._lock:
            self._calls.clear()
            self._always.clear()
            for queue in self._scripts.values():
                queue.clear()
