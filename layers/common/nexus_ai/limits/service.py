"""Reserve and settle limits, and explain to the client why a reservation was refused."""

from collections.abc import Callable
from typing import Any

from nexus_ai.aws.dynamodb import tables
from nexus_ai.aws.dynamodb.table import Item, Read
from nexus_ai.limits.ceilings import LimitStoreWithCeiling, ceiling_store, under_ceiling
from nexus_ai.limits.models import (
    UNLIMITED,
    Level,
    Limit,
    LimitSettings,
    LimitState,
    Reservation,
    ReservationRequest,
    Settlement,
)
from nexus_ai.limits.store import LimitStore, RefusedError, blocks
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import Clock, SystemClock, iso
from nexus_ai.platform.errors import LimitExceeded, LimitInFlight, NexusError, PriceUnknown
from nexus_ai.platform.money import dollars_from_micros, micros_from_dollars
from nexus_ai.platform.once import Once
from nexus_ai.platform.settings import Settings, get_settings

# Retry-After if only requests in flight are in the way: these take seconds.
IN_FLIGHT_RETRY_S = 1


class LimitService:
    """Limits of all tenants, with the deployment's defaults for those that have set none."""

    def __init__(self, store: LimitStore, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._max_in_flight = settings.max_calls_in_flight
        dollars = settings.default_cost_per_month_usd
        self._defaults = LimitSettings(
            requests_per_hour=settings.default_requests_per_hour,
            tokens_per_day=settings.default_tokens_per_day,
            cost_per_month_micros=None if dollars is None else micros_from_dollars(dollars),
            time_zone=settings.default_time_zone,
        )

    def reserve(self, caller: Caller, request: ReservationRequest, *, settled: Settlement | None = None) -> Reservation:
        """Reserve for one attempt and settle the attempt before it in the same write.

        If this raises, `settled` was not settled.

        Raises:
            LimitExceeded: A limit is used up.
            LimitInFlight: Only reservations of requests in flight are in the way.
            PriceUnknown: The model has no known price, and a dollar limit is set.
            StoreUnavailable: The store cannot be reached.
        """
        now_s = self._clock.now_ms() // 1000
        try:
            return self._store.reserve(caller.tenant_id, request, self._defaults, now_s, settled=settled)
        except RefusedError as refused:
            raise self._refusal(request, settled, refused.state, now_s) from None

    def read(self, caller: Caller) -> Read:
        """Return the read of the tenant's limits, to be run together with other reads. `require` takes its result."""
        return self._store.read(caller.tenant_id)

    def require(
        self,
        caller: Caller,
        request: ReservationRequest,
        *,
        settled: Settlement | None = None,
        seen: Item | None = None,
    ) -> None:
        """Raise the error that `reserve` would raise now, without reserving anything.

        This checks the total of requests that are then reserved one by one.

        Args:
            caller: The caller, whose tenant's limits are checked.
            request: The reservation to check.
            settled: The attempt before it, as for `reserve`.
            seen: The tenant's item if it was just read, so that it is not read again.
        """
        known = self._store.state(seen)
        state = known.at(self._clock.now_ms() // 1000) if known else self.state(caller)
        before = settled if settled and settled.reservation.id in state.in_flight else None
        if not self._store.fits(request, before, state):
            raise self._refusal(request, settled, state, self._clock.now_ms() // 1000)

    def settle(self, tenant_id: str, settled: Settlement) -> tuple[Level, ...] | None:
        """Replace a reservation by the actual use.

        Returns:
            The usage after it if the settlement is watched, else an empty tuple. None if it was settled before.
        """
        return self._store.settle(tenant_id, settled)

    def state(self, caller: Caller) -> LimitState:
        """Return the current state. A tenant without a request has the deployment's default limits."""
        now_s = self._clock.now_ms() // 1000
        state = self._store.load(caller.tenant_id)
        return state.at(now_s) if state else LimitState.unused(self._defaults, now_s)

    def change(self, caller: Caller, change: Callable[[LimitSettings], LimitSettings]) -> None:
        """Apply `change` to the current limits, again if they change concurrently. Applies from the next request."""
        self._store.change_settings(caller.tenant_id, change, self._defaults, self._clock.now_ms() // 1000)

    def _refusal(
        self, request: ReservationRequest, settled: Settlement | None, state: LimitState, now_s: int
    ) -> NexusError:
        """Return the error that explains a refusal.

        The reasons in their order: no known price, a limit that is used up, a limit held by requests in flight, too
        many requests in flight. If several limits refuse, the error names the one whose window ends last.
        """
        if not request.price_known and state.maxima[Limit.COST_PER_MONTH] != UNLIMITED:
            return PriceUnknown(
                f"The price of the model {request.model!r} of {request.provider} is unknown, so the dollar limit "
                "cannot be enforced. Use a model with a known price, or enter its price in the preferences."
            )
        # The attempt before counts only while it is open, and only in the windows that it was reserved in.
        before = settled if settled and settled.reservation.id in state.in_flight else None
        short = [limit for limit in Limit if blocks(request, before, limit, state)]
        used_up = [
            limit
            for limit in short
            if state.maxima[limit] == 0
            or _used_after(before, limit, state) + request.amounts[limit] > state.maxima[limit]
        ]
        if used_up:
            limit = max(used_up, key=lambda candidate: state.ends[candidate])
            return LimitExceeded(
                _used_up(limit, request, state),
                extra=_numbers(limit, state),
                retry_after=max(1, state.ends[limit] - now_s),
            )
        if short:
            limit = max(short, key=lambda candidate: state.ends[candidate])
            return LimitInFlight(extra=_numbers(limit, state), retry_after=IN_FLIGHT_RETRY_S)
        first_to_end = min((entry.deadline_ms for entry in state.in_flight.values()), default=now_s * 1000)
        return LimitInFlight(
            "Too many concurrent requests. Try again in a few seconds.",
            extra={
                "limit": "callsInFlight",
                "max": self._max_in_flight,
                "used": 0,
                "reserved": state.in_flight_count,
                "resetsAt": iso(first_to_end),
            },
            retry_after=IN_FLIGHT_RETRY_S,
        )


def _used_after(settled: Settlement | None, limit: Limit, state: LimitState) -> int:
    """Return the use of a window after `settled`, which adds nothing if it was reserved in an earlier window."""
    counts = settled is not None and settled.reservation.ends[limit] == state.ends[limit]
    return state.used(limit) + (settled.used[limit] if settled and counts else 0)


def _used_up(limit: Limit, request: ReservationRequest, state: LimitState) -> str:
    if state.maxima[limit] == 0:
        return f"The limit {limit.public_name} is 0, which blocks every request. Ask an administrator to raise it."
    if request.amounts[limit] > state.maxima[limit]:
        return (
            f"This request may use up to {public_amount(limit, request.amounts[limit])}, but the limit "
            f"{limit.public_name} is {public_amount(limit, state.maxima[limit])}. Shorten the text or lower maxTokens."
        )
    return f"The limit {limit.public_name} is used up. Try again after {iso(state.ends[limit] * 1000)}."


def _numbers(limit: Limit, state: LimitState) -> dict[str, Any]:
    return {
        "limit": limit.public_name,
        "max": public_amount(limit, state.maxima[limit]),
        "used": public_amount(limit, state.used(limit)),
        "reserved": public_amount(limit, state.held[limit]),
        "resetsAt": iso(state.ends[limit] * 1000),
    }


def public_amount(limit: Limit, amount: int) -> Any:
    """Return an amount as the API shows it: requests, tokens or US dollars."""
    return dollars_from_micros(amount) if limit is Limit.COST_PER_MONTH else amount


def make_limit_service(clock: Clock) -> LimitService:
    """Return a service with the deployment's settings and tables."""
    settings = get_settings()
    store = LimitStoreWithCeiling(tables.rate_limits(), settings.max_calls_in_flight, ceiling_store())
    return LimitService(store, clock, under_ceiling(settings))


# One instance per process.
limit_service = Once(lambda: make_limit_service(SystemClock()))
