"""Whether the service answers, and on demand whether what it stands on does: for monitors, and safe to show anybody."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Literal

from nexus_ai import __version__
from nexus_ai.core.clock import SystemClock
from nexus_ai.core.errors import NexusError, Unhealthy
from nexus_ai.core.observability import logger
from nexus_ai.core.once import Once
from nexus_ai.core.settings import get_settings
from nexus_ai.core.wire import ParameterModel, ResponseModel
from nexus_ai.net.concurrency import run_all
from nexus_ai.storage import keys, kms, objects, tables

# Anybody may ask, so that asking often must cost nothing.
KEPT_MS = 10_000
# The names under which parts of the service are told: none of the cloud's own is.
CHECKS: Mapping[str, Callable[[], object]] = {
    "settings": lambda: tables.settings().get(keys.probe()),
    "rateLimits": lambda: tables.rate_limits().get(keys.probe()),
    "cache": lambda: tables.cache().get(keys.probe()),
    "usage": lambda: tables.usage().get(keys.probe()),
    "auditLogs": lambda: tables.audit_logs().get(keys.probe()),
    "providerKeys": kms.check,
    "content": lambda: objects.put(keys.PROBE_OBJECT, b""),
}


class HealthQuery(ParameterModel):
    """`deep` 1 asks every table, the key service and the store of contents."""

    deep: Literal["0", "1"] = "0"


class Check(ResponseModel):
    name: str
    status: Literal["ok", "failed"]
    latency_ms: int


class Health(ResponseModel):
    """`checks` is null where none was asked for."""

    status: Literal["ok"] = "ok"
    version: str
    stage: str
    checks: tuple[Check, ...] | None = None


class _Checks:
    """The last answers of all parts, and when they came."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: tuple[int, tuple[Check, ...]] | None = None

    def now(self, now_ms: int) -> tuple[Check, ...]:
        """Those of the last 10 s, else new ones, which whoever asks meanwhile waits for."""
        with self._lock:
            if self._last is None or not 0 <= now_ms - self._last[0] < KEPT_MS:
                self._last = now_ms, tuple(run_all(partial(_check, name) for name in CHECKS))
            return self._last[1]


checks = Once(_Checks)


def read(query: HealthQuery) -> Health:
    """Raises Unhealthy where a part fails."""
    found = checks().now(SystemClock().now_ms()) if query.deep == "1" else None
    if found and any(check.status == "failed" for check in found):
        raise Unhealthy(extra={"checks": list(found)})
    return Health(version=__version__, stage=get_settings().stage, checks=found)


def _check(name: str) -> Check:
    began = time.perf_counter_ns()
    status: Literal["ok", "failed"] = "ok"
    try:
        CHECKS[name]()
    except NexusError:
        # Strangers are told that it failed, and the log why.
        logger().exception("a part of the service does not answer", check=name)
        status = "failed"
    return Check(name=name, status=status, latency_ms=(time.perf_counter_ns() - began) // 1_000_000)
