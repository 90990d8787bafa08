"""Read the tenant of a run and remember its settings. A tenant that is in use is refused."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from ops.smoke.api import AUDIT_LOGS, CONFIGS, FALLBACK, PREFERENCES, RATE_LIMITS, USAGE, Api
from ops.smoke.options import Options
from ops.smoke.outcomes import Refused
from ops.smoke.responses import ProviderConfigs, RateLimits, Record, Records, UsageStats

# Least remaining amount of each limit for the calls of a run: requests as sent, tokens as reserved.
LEAST_LEFT = {"requestsPerHour": 6, "tokensPerDay": 10_000, "costPerMonthUsd": 0}
# Modules of the tasks and of connection tests.
MODULE = "smoke"
MODULES = (MODULE, "administration")


@dataclass(frozen=True, slots=True)
class Tenant:
    """Tenant before the run.

    Settings are JSON as returned by the API.

    Attributes:
        began_at: Start of the run by the deployment's clock, in whole seconds.
        recorded: Ids of audit records that already exist in that second.
    """

    rate_limits: dict[str, Any]
    preferences: dict[str, Any]
    fallback: dict[str, Any]
    providers: tuple[str, ...]
    usage: UsageStats
    recorded: frozenset[str]
    began_at: datetime


def read_tenant(api: Api, options: Options) -> Tenant:
    """Return the tenant before the run.

    Raises:
        Refused: A run cannot or must not use the tenant.
        CheckFailed: A request failed.
    """
    began_at = _require_administrator(api)
    configs = api.get(CONFIGS).expect(200).read(ProviderConfigs)
    if any(config.provider == options.provider for config in configs.items):
        raise Refused(
            f"the tenant has a provider config for {options.provider}, which a run would overwrite: use a test "
            f"tenant, or delete the config if an interrupted run left it (DELETE {CONFIGS}/"
            f"{options.provider})"
        )
    rate_limits = api.get(RATE_LIMITS).expect(200)
    _require_free_limits(rate_limits.read(RateLimits), options)
    return Tenant(
        rate_limits=rate_limits.json(),
        preferences=api.get(PREFERENCES).expect(200).json(),
        fallback=api.get(FALLBACK).expect(200).json(),
        providers=tuple(config.provider for config in configs.items),
        usage=read_usage(api, began_at),
        recorded=frozenset(record.id for record in read_records(api, began_at)),
        began_at=began_at,
    )


def read_usage(api: Api, began_at: datetime) -> UsageStats:
    """Return the usage of the days around the start of the run, so that every call covers the same days."""
    first, last = (began_at.date() + timedelta(days=days) for days in (-1, 2))
    return api.get(USAGE, **{"from": first.isoformat(), "to": last.isoformat()}).expect(200).read(UsageStats)


def read_records(api: Api, since: datetime) -> list[Record]:
    """Return the audit records since a time."""
    found: list[Record] = []
    parameters = {"from": since.isoformat(), "limit": "100"}
    while True:
        page = api.get(AUDIT_LOGS, **parameters).expect(200).read(Records)
        found += page.items
        if page.next_cursor is None:
            return found
        parameters["cursor"] = page.next_cursor


def _require_administrator(api: Api) -> datetime:
    """Check that the token is an administrator's, by requesting a job that does not exist. Return the server's time."""
    reply = api.get(f"{AUDIT_LOGS}/jobs/{uuid4()}").expect(401, 403, 404)
    if reply.status == 401:
        raise Refused("the deployment does not accept NEXUS_TOKEN (401): check its issuer and the deployment")
    if reply.status == 403:
        raise Refused("NEXUS_TOKEN is not an administrator's (403): it needs the role admin")
    return datetime.fromtimestamp(reply.at_s, UTC)


def _require_free_limits(limits: RateLimits, options: Options) -> None:
    """Raise Refused if calls are in flight, a limit is nearly used up, or alert addresses would be overwritten."""
    for window in limits.windows:
        if window.reserved:
            raise Refused(f"the tenant is in use: calls in flight hold {window.reserved} of {window.limit}")
        least = LEAST_LEFT.get(window.limit, 0)
        if window.left is not None and (window.left <= 0 or window.left < least):
            raise Refused(
                f"the tenant's {window.limit} has {window.left} left, but a run needs {least or 'some'}: "
                f"raise the limit, or wait until {window.resets_at}"
            )
    if options.mail_to and limits.alert_emails:
        raise Refused(
            "the tenant has alertEmails, which a run with SMOKE_MAIL_TO would overwrite: use a test "
            "tenant, or run without SMOKE_MAIL_TO"
        )
