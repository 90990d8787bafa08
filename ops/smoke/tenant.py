"""The tenant that a run works with: it is refused if it is not one for tests, and remembered as it was before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from ops.smoke.api import AUDIT_LOGS, CONFIGS, FALLBACK, PREFERENCES, RATE_LIMITS, USAGE, Api
from ops.smoke.options import Options
from ops.smoke.outcomes import Refused
from ops.smoke.responses import ProviderConfigs, RateLimits, Record, Records, UsageStats

# What has to be left of each limit for the calls of a run: requests as they are sent, tokens as they are reserved.
LEAST_LEFT = {"requestsPerHour": 6, "tokensPerDay": 10_000, "costPerMonthUsd": 0}
# The module of the tasks, and that of connection tests.
MODULE = "smoke"
MODULES = (MODULE, "administration")


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant before the run. Settings are JSON as the API returned it.

    `began_at` is the deployment's time, in whole seconds. `recorded` are the audit records of that second.
    """

    rate_limits: dict[str, Any]
    preferences: dict[str, Any]
    fallback: dict[str, Any]
    providers: tuple[str, ...]
    usage: UsageStats
    recorded: frozenset[str]
    began_at: datetime


def read_tenant(api: Api, options: Options) -> Tenant:
    """Return the tenant as it is. Raises Refused if a run cannot or must not use it, and CheckFailed."""
    began_at = _require_administrator(api)
    configs = api.get(CONFIGS).expect(200).read(ProviderConfigs)
    if any(config.provider == options.provider for config in configs.items):
        raise Refused(
            f"the tenant has a provider config for {options.provider}, which a run would overwrite: use a tenant that "
            f"is meant for tests, or delete the config if a run that was killed left it (DELETE {CONFIGS}/"
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
    """Return the usage of the same days whenever it is called in a run, whatever the tenant's time zone."""
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
    """Ask for a job that does not exist, as only an administrator may; return the deployment's time."""
    reply = api.get(f"{AUDIT_LOGS}/jobs/{uuid4()}").expect(401, 403, 404)
    if reply.status == 401:
        raise Refused("the deployment does not accept NEXUS_TOKEN (401): it may be of another issuer or deployment")
    if reply.status == 403:
        raise Refused("NEXUS_TOKEN is not an administrator's (403): it needs the role admin")
    return datetime.fromtimestamp(reply.at_s, UTC)


def _require_free_limits(limits: RateLimits, options: Options) -> None:
    """Raise Refused if calls are in flight, if limits leave no room, or if real people would get the test's mail."""
    for window in limits.windows:
        if window.reserved:
            raise Refused(f"the tenant is in use: calls in flight hold {window.reserved} of {window.limit}")
        least = LEAST_LEFT.get(window.limit, 0)
        if window.left is not None and (window.left <= 0 or window.left < least):
            raise Refused(
                f"the tenant's {window.limit} has {window.left} left, and a run needs {least or 'some'}: "
                f"raise the limit, or wait until {window.resets_at}"
            )
    if options.mail_to and limits.alert_emails:
        raise Refused(
            "the tenant has alertEmails, which a run with SMOKE_MAIL_TO would overwrite: use a tenant that is meant "
            "for tests, or run without SMOKE_MAIL_TO"
        )
