"""Read and change a tenant's limits and the settings of its limit alerts."""

from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from nexus_ai.alerts.models import AlertedLimit, AlertStatus, LimitAlert
from nexus_ai.alerts.store import AlertStore
from nexus_ai.aws.dynamodb import tables
from nexus_ai.limits.ceilings import Ceiling, ceiling_store
from nexus_ai.limits.models import UNLIMITED, Limit, LimitSettings, LimitState
from nexus_ai.limits.service import limit_service, public_amount
from nexus_ai.limits.windows import is_time_zone
from nexus_ai.net.concurrency import run_all
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import iso
from nexus_ai.platform.field_errors import FieldProblem, field_errors
from nexus_ai.platform.money import dollars_from_micros, micros_from_dollars
from nexus_ai.platform.schema import Dollars, RequestModel, ResponseModel, number_up_to
from nexus_ai.settings.models import StopReason, TenantSettings
from nexus_ai.settings.service import settings_service

# Bounds of a tenant's limits. They are far below UNLIMITED, the stored number for "no limit".
Requests = Annotated[int, Field(ge=0, le=999_999_999)]
Tokens = Annotated[int, Field(ge=0, le=999_999_999_999)]
DOLLARS_MAX = 999_999_999
MonthlyDollars = Annotated[Decimal, Field(ge=0, le=DOLLARS_MAX, decimal_places=6), number_up_to(DOLLARS_MAX)]

Threshold = Annotated[int, Field(ge=1, le=100)]


def _has_short_local_part(address: str) -> str:
    if len(address.partition("@")[0]) > LOCAL_PART_MAX:
        raise PydanticCustomError("too_long", "must have at most 64 characters before the @")
    return address


# RFC 5321, 4.5.3.1.1.
LOCAL_PART_MAX = 64
# Addresses that need no quoting or encoding (a dot-atom and a host name, RFC 5321), so that none can inject a header.
Address = Annotated[
    str,
    StringConstraints(
        max_length=254,
        pattern=r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,9}"
        r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$",
    ),
    AfterValidator(_has_short_local_part),
]
_ALERTS = {"alert_thresholds": "thresholds", "alert_emails": "emails"}


class RateLimitsRequest(RequestModel):
    """Limits and alert settings to change.

    Fields that you leave out keep their value. null removes a limit; 0 blocks every request. When usage of a limit
    reaches one of `alertThresholds` (in percent), an e-mail is sent to `alertEmails`. Each of the two lists replaces
    the saved list.
    """

    requests_per_hour: Requests | None = None
    tokens_per_day: Tokens | None = None
    cost_per_month_usd: MonthlyDollars | None = None
    time_zone: str | None = None
    alert_thresholds: Annotated[tuple[Threshold, ...], Field(max_length=10)] = (80,)
    alert_emails: Annotated[tuple[Address, ...], Field(max_length=10)] = ()

    @field_validator("alert_thresholds", "alert_emails")
    @classmethod
    def _names_each_once[Entry: (int, str)](cls, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        normalized = [entry.lower() if isinstance(entry, str) else entry for entry in entries]
        if len(set(normalized)) != len(normalized):
            raise PydanticCustomError("named_twice", "must not contain the same entry twice")
        return entries

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, name: str | None) -> str | None:
        if name is None or not is_time_zone(name):
            raise PydanticCustomError("time_zone", "must be an IANA time zone name, such as America/Sao_Paulo")
        return name


class LimitWindow(ResponseModel):
    """Usage of a limit in the current hour, day or month.

    `max`, `left` and `percent` are null without a limit. `reserved` is held by requests in flight and is not part
    of `used` or `percent`. A limit of 0 is always at 100 percent.
    """

    limit: str
    max: int | Dollars | None
    used: int | Dollars
    reserved: int | Dollars
    left: int | Dollars | None
    percent: float | None
    resets_at: str


class CeilingView(ResponseModel):
    """Upper bounds that the operator sets for the limits; null if there is none."""

    requests_per_hour: int | None
    tokens_per_day: int | None
    cost_per_month_usd: Dollars | None


class StoppedEmailView(ResponseModel):
    """Address that no longer receives e-mails, with the reason and the time.

    To reset its state, remove the address from `alertEmails` and add it again.
    """

    address: str
    reason: StopReason
    at: str


class LimitAlertView(ResponseModel):
    """Alert for a threshold that was reached in the current window.

    `status` is `due` until the next scheduled run. Then it is `sent`, `mails_off` (the deployment has no sender
    address) or `no_recipient` (no address can receive e-mails). `at` is the time of that run; null while it is due.
    """

    limit: str
    threshold: int
    status: AlertStatus
    at: str | None


class RateLimitsView(ResponseModel):
    """Limits, ceilings, current usage and alert settings of the tenant."""

    requests_per_hour: int | None
    tokens_per_day: int | None
    cost_per_month_usd: Dollars | None
    time_zone: str
    alert_thresholds: tuple[int, ...]
    alert_emails: tuple[str, ...]
    stopped_emails: tuple[StoppedEmailView, ...]
    alerts: tuple[LimitAlertView, ...]
    ceilings: CeilingView
    windows: tuple[LimitWindow, ...]


def get_rate_limits(caller: Caller) -> RateLimitsView:
    """Return the tenant's current limits, usage and alerts.

    Raises:
        StoreUnavailable: The store cannot be reached.
    """
    ceiling = ceiling_store().load(caller.tenant_id)
    state = ceiling.cut_state(limit_service().state(caller))
    tenant = settings_service().current(caller)
    return _view(state, ceiling, tenant, _alerts(caller, state, tenant))


def windows(caller: Caller) -> tuple[LimitWindow, ...]:
    """Return the current usage of each limit.

    Raises:
        StoreUnavailable: The store cannot be reached.
    """
    state = ceiling_store().load(caller.tenant_id).cut_state(limit_service().state(caller))
    return tuple(_window(state, limit) for limit in Limit)


def put_rate_limits(caller: Caller, request: RateLimitsRequest) -> RateLimitsView:
    """Change limits and alert settings. New limits apply from the tenant's next request.

    Raises:
        ValidationFailed: A limit is above the operator's ceiling.
        StoreUnavailable: The store cannot be reached. The same request can be sent again.
    """
    changes = _changes(request)
    _require_under(ceiling_store().load(caller.tenant_id), changes)
    if changes:
        limit_service().change(caller, lambda current: current.model_copy(update=changes))
    if request.time_zone is not None:
        settings_service().change_preferences(caller, {"time_zone": request.time_zone})
    alerts = {_ALERTS[name]: getattr(request, name) for name in _ALERTS if name in request.model_fields_set}
    if "thresholds" in alerts:
        alerts["thresholds"] = sorted(alerts["thresholds"])
    if alerts:
        settings_service().change_alerts(caller, alerts)
    return get_rate_limits(caller)


def _require_under(ceiling: Ceiling, changes: dict[str, Any]) -> None:
    """Raise ValidationFailed with an error for each limit that is above its ceiling."""
    above: list[FieldProblem] = []
    for limit, (name, maximum) in zip(Limit, ceiling, strict=True):
        if name in changes and maximum is not None and (changes[name] is None or changes[name] > maximum):
            message = f"must not be above the operator's ceiling of {public_amount(limit, maximum)}"
            above.append(FieldProblem(limit.public_name, message, "above_ceiling"))
    if above:
        raise field_errors(above)


def _changes(request: RateLimitsRequest) -> dict[str, Any]:
    """Return the fields of the request by the names of LimitSettings."""
    changes = request.model_dump(include=request.model_fields_set - _ALERTS.keys())
    if "cost_per_month_usd" in changes:
        dollars: Decimal | None = changes.pop("cost_per_month_usd")
        changes["cost_per_month_micros"] = None if dollars is None else micros_from_dollars(dollars)
    return changes


def _alerts(caller: Caller, state: LimitState, tenant: TenantSettings) -> tuple[LimitAlertView, ...]:
    """Return the alerts of the thresholds that usage has reached. Reads the store only if usage has reached one."""
    store = AlertStore(tables.rate_limits())
    reached = [
        (level, threshold)
        for level in (state.levels() if tenant.alerts.emails else ())
        for threshold in tenant.alerts.thresholds
        if level.reaches(threshold)
    ]
    names = [LimitAlert.name_of(AlertedLimit(level.limit.public_name), each, level.end) for level, each in reached]
    noted = run_all(partial(store.noted, caller.tenant_id, name) for name in names)
    return tuple(
        LimitAlertView(
            limit=level.limit.public_name,
            threshold=threshold,
            status=alert.status,
            at=None if alert.closed_at is None else iso(alert.closed_at * 1000),
        )
        for (level, threshold), alert in zip(reached, noted, strict=True)
        if alert
    )


def _view(
    state: LimitState, ceiling: Ceiling, tenant: TenantSettings, alerts: tuple[LimitAlertView, ...]
) -> RateLimitsView:
    settings: LimitSettings = state.settings
    return RateLimitsView(
        requests_per_hour=settings.requests_per_hour,
        tokens_per_day=settings.tokens_per_day,
        cost_per_month_usd=_dollars(settings.cost_per_month_micros),
        time_zone=settings.time_zone,
        alert_thresholds=tenant.alerts.thresholds,
        alert_emails=tenant.alerts.emails,
        stopped_emails=tuple(
            StoppedEmailView(address=address, reason=stopped.reason, at=iso(stopped.at_ms))
            for address, stopped in sorted(tenant.stopped_emails.items())
        ),
        alerts=alerts,
        ceilings=CeilingView(
            requests_per_hour=ceiling.requests_per_hour,
            tokens_per_day=ceiling.tokens_per_day,
            cost_per_month_usd=_dollars(ceiling.cost_per_month_micros),
        ),
        windows=tuple(_window(state, limit) for limit in Limit),
    )


def _dollars(micros: int | None) -> Decimal | None:
    return None if micros is None else dollars_from_micros(micros)


def _window(state: LimitState, limit: Limit) -> LimitWindow:
    maximum, used = state.maxima[limit], state.used(limit)
    limited = maximum != UNLIMITED
    return LimitWindow(
        limit=limit.public_name,
        max=public_amount(limit, maximum) if limited else None,
        used=public_amount(limit, used),
        reserved=public_amount(limit, state.held[limit]),
        left=public_amount(limit, max(0, state.remaining[limit])) if limited else None,
        percent=_percent(used, maximum) if limited else None,
        resets_at=iso(state.ends[limit] * 1000),
    )


def _percent(used: int, maximum: int) -> float:
    return round(100 * used / maximum, 1) if maximum else 100.0
