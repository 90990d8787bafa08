"""Reserve, settle, and the answer to a caller whose limit is used up."""

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

# A call in flight takes seconds; who waits for its reservation asks again after this.
IN_FLIGHT_RETRY_S = 1


class LimitService:
    def __init__(self, store: LimitStore, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._seats = settings.max_calls_in_flight
        dollars = settings.default_cost_per_month_usd
        self._defaults = LimitSettings(
            requests_per_hour=settings.default_requests_per_hour,
            tokens_per_day=settings.default_tokens_per_day,
            cost_per_month_micros=None if dollars is None else micros_from_dollars(dollars),
            time_zone=settings.default_time_zone,
        )

    def reserve(self, caller: Caller, ask: ReservationRequest, *, settled: Settlement | None = None) -> Reservation:
        """Reserves for one attempt and settles the one before it in the same write.

        Raises LimitExceeded, LimitInFlight, PriceUnknown and StoreUnavailable; `settled` is then still to be settled.
        """
        now_s = self._clock.now_ms() // 1000
        try:
            return self._store.reserve(caller.tenant_id, ask, self._defaults, now_s, settled=settled)
        except RefusedError as refused:
            raise self._refusal(ask, settled, refused.state, now_s) from None

    def read(self, caller: Caller) -> Read:
        """What reads the tenant's limits together with other items, for `require`."""
        return self._store.read(caller.tenant_id)

    def require(
        self, caller: Caller, ask: ReservationRequest, *, settled: Settlement | None = None, seen: Item | None = None
    ) -> None:
        """Raises what `reserve` would raise now, and takes nothing: for what will be asked for bit by bit.

        `seen` is the tenant's item where it was read just now.
        """
        known = self._store.state(seen)
        state = known.at(self._clock.now_ms() // 1000) if known else self.state(caller)
        before = settled if settled and settled.reservation.id in state.in_flight else None
        if not self._store.fits(ask, before, state):
            raise self._refusal(ask, settled, state, self._clock.now_ms() // 1000)

    def settle(self, tenant_id: str, settled: Settlement) -> tuple[Level, ...] | None:
        """Closes a reservation at what was used, and returns the levels after it where it is watched.

        None where it was closed before.
        """
        return self._store.settle(tenant_id, settled)

    def state(self, caller: Caller) -> LimitState:
        """The limits as they stand now; a tenant that never called has the deployment's defaults."""
        now_s = self._clock.now_ms() // 1000
        state = self._store.load(caller.tenant_id)
        return state.at(now_s) if state else LimitState.unused(self._defaults, now_s)

    def change(self, caller: Caller, change: Callable[[LimitSettings], LimitSettings]) -> None:
        """Makes new limits of those that stand, once more where another change came first; binds on the next call."""
        self._store.change_settings(caller.tenant_id, change, self._defaults, self._clock.now_ms() // 1000)

    def _refusal(
        self, ask: ReservationRequest, settled: Settlement | None, state: LimitState, now_s: int
    ) -> NexusError:
        """The error that says why: a limit that is used up, else calls in flight, else seats.

        Of several limits that refuse it names the one that keeps the caller waiting longest.
        """
        if not ask.price_known and state.maxima[Limit.COST_PER_MONTH] != UNLIMITED:
            return PriceUnknown(
                f"No price is known for the model {ask.model!r} of {ask.provider}. While a dollar limit is set, "
                "use a model with a price or enter its price in the preferences."
            )
        # An attempt before it counts where it is still open, and in the windows that it was taken from.
        before = settled if settled and settled.reservation.id in state.in_flight else None
        short = [limit for limit in Limit if blocks(ask, before, limit, state)]
        used_up = [
            limit
            for limit in short
            if state.maxima[limit] == 0 or _used_after(before, limit, state) + ask.amounts[limit] > state.maxima[limit]
        ]
        if used_up:
            limit = max(used_up, key=lambda candidate: state.ends[candidate])
            return LimitExceeded(
                _used_up(limit, ask, state),
                extra=_numbers(limit, state),
                retry_after=max(1, state.ends[limit] - now_s),
            )
        if short:
            limit = max(short, key=lambda candidate: state.ends[candidate])
            return LimitInFlight(extra=_numbers(limit, state), retry_after=IN_FLIGHT_RETRY_S)
        first_to_end = min((entry.deadline_ms for entry in state.in_flight.values()), default=now_s * 1000)
        return LimitInFlight(
            "As many calls of your company as are allowed at once are in flight.",
            extra={
                "limit": "callsInFlight",
                "max": self._seats,
                "used": 0,
                "reserved": state.max_in_flight,
                "resetsAt": iso(first_to_end),
            },
            retry_after=IN_FLIGHT_RETRY_S,
        )


def _used_after(settled: Settlement | None, limit: Limit, state: LimitState) -> int:
    """What is used of a window once an attempt is settled; nothing more where that attempt's window has rolled."""
    counts = settled is not None and settled.reservation.ends[limit] == state.ends[limit]
    return state.used(limit) + (settled.used[limit] if settled and counts else 0)


def _used_up(limit: Limit, ask: ReservationRequest, state: LimitState) -> str:
    if state.maxima[limit] == 0:
        return f"{limit.public_name} is 0, which blocks every call until an administrator raises it."
    if ask.amounts[limit] > state.maxima[limit]:
        return (
            f"This request needs up to {public_amount(limit, ask.amounts[limit])}, and {limit.public_name} allows "
            f"{public_amount(limit, state.maxima[limit])} in all: a shorter text or a lower maxTokens needs less."
        )
    return f"{limit.public_name} is used up until {iso(state.ends[limit] * 1000)}."


def _numbers(limit: Limit, state: LimitState) -> dict[str, Any]:
    return {
        "limit": limit.public_name,
        "max": public_amount(limit, state.maxima[limit]),
        "used": public_amount(limit, state.used(limit)),
        "reserved": public_amount(limit, state.held[limit]),
        "resetsAt": iso(state.ends[limit] * 1000),
    }


def public_amount(limit: Limit, amount: int) -> Any:
    """Requests and tokens as they are, micro-dollars in US dollars."""
    return dollars_from_micros(amount) if limit is Limit.COST_PER_MONTH else amount


def make_limit_service(clock: Clock) -> LimitService:
    settings = get_settings()
    store = LimitStoreWithCeiling(tables.rate_limits(), settings.max_calls_in_flight, ceiling_store())
    return LimitService(store, clock, under_ceiling(settings))


# That of the deployment. One a process.
limit_service = Once(lambda: make_limit_service(SystemClock()))
