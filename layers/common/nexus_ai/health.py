"""Report the health of the service: a public check, and a check of each dependency for operators."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from nexus_ai import __version__
from nexus_ai.aws import kms, s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.net.concurrency import run_all
from nexus_ai.platform.errors import NexusError
from nexus_ai.platform.observability import logger
from nexus_ai.platform.schema import ParameterModel, ResponseModel
from nexus_ai.platform.settings import get_settings

# The dependencies by the names that the operator's check reports.
CHECKS: Mapping[str, Callable[[], object]] = {
    "settings": lambda: tables.settings().get(keys.probe()),
    "rateLimits": lambda: tables.rate_limits().get(keys.probe()),
    "cache": lambda: tables.cache().get(keys.probe()),
    "usage": lambda: tables.usage().get(keys.probe()),
    "auditLogs": lambda: tables.audit_logs().get(keys.probe()),
    "providerKeys": kms.check,
    "content": lambda: s3.put(keys.PROBE_OBJECT, b""),
}


class HealthQuery(ParameterModel):
    """Query of the public health check. `deep` has no effect: operators check the dependencies outside of the API."""

    deep: Annotated[Literal["0", "1"], Field(deprecated=True)] = "0"


class Health(ResponseModel):
    """Public health of the service. `checks` is always null: operators check the dependencies outside of the API."""

    status: Literal["ok"] = "ok"
    version: str
    stage: str
    checks: None = None


class Check(ResponseModel):
    """Result of the check of one dependency."""

    name: str
    status: Literal["ok", "failed"]
    latency_ms: int


class HealthReport(ResponseModel):
    """Result of the operator's check. `status` is `failed` if any dependency failed."""

    status: Literal["ok", "failed"]
    version: str
    stage: str
    checks: tuple[Check, ...]


def get_health(_query: HealthQuery) -> Health:
    """Return that the service is up.

    It calls no AWS service, so unauthenticated clients cause no cost and no load there.
    """
    return Health(version=__version__, stage=get_settings().stage)


def check_all() -> HealthReport:
    """Call every table, the key service and the content bucket once, concurrently."""
    checks = tuple(run_all(partial(_check, name) for name in CHECKS))
    return HealthReport(
        status="ok" if all(each.status == "ok" for each in checks) else "failed",
        version=__version__,
        stage=get_settings().stage,
        checks=checks,
    )


def _check(name: str) -> Check:
    started_ns = time.perf_counter_ns()
    status: Literal["ok", "failed"] = "ok"
    try:
        CHECKS[name]()
    except NexusError:
        logger().exception("a dependency failed its health check", check=name)
        status = "failed"
    return Check(name=name, status=status, latency_ms=(time.perf_counter_ns() - started_ns) // 1_000_000)
