"""Build limit services over real tables with a clock that tests move, and requests for reservations."""

from uuid import uuid4

from nexus_ai.aws.dynamodb import tables
from nexus_ai.limits.models import Amounts, LimitSettings, Reservation, ReservationRequest
from nexus_ai.limits.service import LimitService
from nexus_ai.limits.store import LimitStore
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.platform.clock import Clock, Deadline, uuid7
from nexus_ai.platform.settings import get_settings


class MovedClock:
    def __init__(self, now_ms: int = 1_795_400_000_000) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms


def caller_of(tenant_id: str, now_ms: int = 1_795_400_000_000) -> Caller:
    return Caller(
        tenant_id=tenant_id,
        user_id="user",
        roles=frozenset({Role.USER}),
        request_id=uuid7(now_ms),
        endpoint="POST /test",
        started_at_ms=now_ms,
        deadline=Deadline(now_ms + 29_000),
    )


def service(clock: Clock, max_in_flight: int | None = None) -> LimitService:
    """Return a limit service. `max_in_flight` replaces the deployment's bound of concurrent calls."""
    settings = get_settings()
    if max_in_flight is not None:
        settings = settings.model_copy(update={"max_calls_in_flight": max_in_flight})
    return LimitService(LimitStore(tables.rate_limits(), settings.max_calls_in_flight), clock, settings)


def set_limits(subject: LimitService, tenant_id: str, settings: LimitSettings) -> None:
    subject.change(caller_of(tenant_id), lambda _: settings)


def limits(
    requests: int | None = None,
    tokens: int | None = None,
    cost_micros: int | None = None,
    time_zone: str = "America/Sao_Paulo",
) -> LimitSettings:
    return LimitSettings(
        requests_per_hour=requests, tokens_per_day=tokens, cost_per_month_micros=cost_micros, time_zone=time_zone
    )


def reservation_request(
    *, requests: int = 1, tokens: int = 0, cost_micros: int = 0, price_known: bool = True
) -> ReservationRequest:
    return ReservationRequest(
        id=f"{uuid4()}.1",
        amounts=Amounts(requests, tokens, cost_micros),
        deadline_ms=1_795_400_039_000,
        provider="openai",
        model="gpt-6-luna",
        price_known=price_known,
    )


def without_levels(reservation: Reservation) -> Reservation:
    """Return a reservation as it is read from the item."""
    return reservation.model_copy(update={"levels": ()})
