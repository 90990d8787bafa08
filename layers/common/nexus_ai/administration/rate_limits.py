"""The company's limits: what they are, what is used of them, and new ones."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, field_validator

from nexus_ai.core.caller import Caller
from nexus_ai.core.clock import iso
from nexus_ai.core.money import dollars_from_micros, micros_from_dollars
from nexus_ai.core.wire import Dollars, DollarsGiven, RequestModel, ResponseModel
from nexus_ai.gateway.composition import gateway
from nexus_ai.limits.models import UNLIMITED, Limit, LimitSettings, LimitState
from nexus_ai.limits.service import public_amount
from nexus_ai.limits.windows import is_time_zone

# The bounds are those of the deployment's own defaults, and keep clear of what stands for "no limit" in the table.
Requests = Annotated[int, Field(ge=0, le=999_999_999)]
Tokens = Annotated[int, Field(ge=0, le=999_999_999_999)]
MonthlyDollars = Annotated[DollarsGiven, Field(ge=0, le=999_999_999, decimal_places=6)]


class RateLimitsRequest(RequestModel):
    """Changes what it names and leaves the rest; null is no limit, 0 blocks."""

    requests_per_hour: Requests | None = None
    tokens_per_day: Tokens | None = None
    cost_per_month_usd: MonthlyDollars | None = None
    time_zone: str | None = None

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, name: str | None) -> str | None:
        if name is None or not is_time_zone(name):
            raise ValueError("must be the IANA name of a time zone, such as America/Sao_Paulo")
        return name


class LimitWindow(ResponseModel):
    """A limit in the hour, day or month that runs. `max`, `left` and `percent` are null where there is no limit.

    `percent` is what is used, without what calls in flight hold; a limit of 0 is used up from the start.
    """

    limit: str
    max: int | Dollars | None
    used: int | Dollars
    reserved: int | Dollars
    left: int | Dollars | None
    percent: float | None
    resets_at: str


class RateLimitsView(ResponseModel):
    requests_per_hour: int | None
    tokens_per_day: int | None
    cost_per_month_usd: Dollars | None
    time_zone: str
    windows: tuple[LimitWindow, ...]


def read(caller: Caller) -> RateLimitsView:
    """The limits as they stand now; raises StoreUnavailable."""
    return _view(gateway().limits.state(caller))


def change(caller: Caller, request: RateLimitsRequest) -> RateLimitsView:
    """Binds on the company's next call; raises StoreUnavailable, and may then be sent again."""
    limits, tenants = gateway().limits, gateway().tenants
    changes = _changes(request)
    limits.change(caller, lambda current: current.model_copy(update=changes))
    if request.time_zone is not None:
        tenants.change_preferences(caller, {"time_zone": request.time_zone})
    return read(caller)


def _changes(request: RateLimitsRequest) -> dict[str, Any]:
    """The named fields, as LimitSettings has them."""
    changes = request.model_dump(include=request.model_fields_set)
    if "cost_per_month_usd" in changes:
        dollars: Decimal | None = changes.pop("cost_per_month_usd")
        changes["cost_per_month_micros"] = None if dollars is None else micros_from_dollars(dollars)
    return changes


def _view(state: LimitState) -> RateLimitsView:
    settings: LimitSettings = state.settings
    micros = settings.cost_per_month_micros
    return RateLimitsView(
        requests_per_hour=settings.requests_per_hour,
        tokens_per_day=settings.tokens_per_day,
        cost_per_month_usd=None if micros is None else dollars_from_micros(micros),
        time_zone=settings.time_zone,
        windows=tuple(_window(state, limit) for limit in Limit),
    )


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
