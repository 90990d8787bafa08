"""Store a tenant's limits and reservations in one item, so that concurrent requests cannot exceed a limit.

The item has lists of three numbers (hour, day, month): the limits (`maxima`), the `remaining` amounts, the reserved
amounts (`held`) and the ends of the windows (`ends`). The map `inFlight` has the reservations in flight.

DynamoDB conditions cannot calculate, but `remaining >= :n` needs no calculation. Reserving is therefore one UpdateItem,
and so is settling, and so is doing both between two attempts. Two requests can never take the same remaining amount.
"""

import re
from collections.abc import Callable
from typing import Any, cast

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Read, Table
from nexus_ai.limits.models import (
    NOTHING,
    UNLIMITED,
    Amounts,
    Level,
    Limit,
    LimitItem,
    LimitSettings,
    LimitState,
    PerWindow,
    Reservation,
    ReservationRequest,
    Settlement,
    per_window,
)
from nexus_ai.limits.windows import window_ends
from nexus_ai.platform.errors import StoreUnavailable

# A failed condition returns the current item, and the next try uses it. It fails again only if another writer was
# faster (a window rolled, a limit changed). That is rare, so eight failures in a row are a fault.
TRIES = 8
# Marks for the sweep move in steps of this length, so that a tenant changes the index at most once per step.
DUE_STEP_S = 300
# `<request id>.<number of the attempt>`.
_RESERVATION_ID = re.compile(r"[^.]+\.[0-9]+")
# Three amounts, deadline, provider, model and three ends.
_ENTRY_LENGTH = 9


def due_at(now_s: int) -> int:
    """Return the time of a mark that is set now: the start of the next step."""
    return (now_s // DUE_STEP_S + 1) * DUE_STEP_S


class RefusedError(Exception):
    """Reservation does not fit into the limits of `state`."""

    def __init__(self, state: LimitState) -> None:
        super().__init__("refused")
        self.state = state


def _state(item: Item) -> LimitState:
    read = LimitItem.model_validate(item)
    in_flight = {name: _reservation(name, entry) for name, entry in read.in_flight.items() if _is_known(name, entry)}
    return LimitState(
        time_zone=read.time_zone,
        maxima=per_window(read.maxima),
        remaining=per_window(read.remaining),
        held=per_window(read.held),
        ends=per_window(read.ends),
        in_flight=in_flight,
        others_in_flight=len(read.in_flight) - len(in_flight),
        swept_at=read.swept_at,
    )


def _levels(item: Item) -> tuple[Level, ...]:
    """Return the levels without parsing the reservations, of which there may be a hundred."""
    return _state({**item, "inFlight": {}}).levels()


def _entry(request: ReservationRequest) -> list[Any]:
    """Return a reservation as it is stored, without the ends of its windows, which follow."""
    return [*request.amounts, request.deadline_ms, request.provider, request.model]


def _is_known(name: str, entry: object) -> bool:
    """Return True if this version can read a reservation. A newer version may append further elements."""
    if _RESERVATION_ID.fullmatch(name) is None or not isinstance(entry, list):
        return False
    return len(cast("list[object]", entry)) >= _ENTRY_LENGTH


def _reservation(name: str, entry: list[Any]) -> Reservation:
    requests, tokens, cost, deadline_ms, provider, model, *ends = entry
    return Reservation(
        id=name,
        amounts=Amounts(requests, tokens, cost),
        deadline_ms=deadline_ms,
        provider=provider,
        model=model,
        ends=per_window(ends),
    )


def balance_delta(
    request: ReservationRequest | None, settled: Settlement | None, limit: Limit, end: int
) -> tuple[int, int]:
    """Return the changes of `remaining` and `held` when `settled` is closed and `request` is opened.

    The window is the one that ends at `end`. A settlement of an earlier window changes nothing.
    """
    opened = request.amounts[limit] if request else 0
    remaining, held = -opened, opened
    if settled and settled.reservation.ends[limit] == end:
        remaining += settled.reservation.amounts[limit] - settled.used[limit]
        held -= settled.reservation.amounts[limit]
    return remaining, held


def blocks(request: ReservationRequest, settled: Settlement | None, limit: Limit, state: LimitState) -> bool:
    """Return True if a limit refuses a request: too little remains, or the limit is 0 and blocks everything."""
    if request.amounts[limit] == 0:
        return state.maxima[limit] == 0
    return state.remaining[limit] + balance_delta(request, settled, limit, state.ends[limit])[0] < 0


class _Write:
    """Builder of an UpdateItem request."""

    def __init__(self) -> None:
        self.sets: list[str] = []
        self.conditions: list[str] = []
        self.values: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.removes: list[str] = []

    def add(self, limit: Limit, remaining: int, held: int) -> None:
        i = int(limit)
        self.sets += [f"remaining[{i}] = remaining[{i}] + :remaining{i}", f"held[{i}] = held[{i}] + :held{i}"]
        self.values |= {f":remaining{i}": remaining, f":held{i}": held}

    def allow(self, limit: Limit, amount: int, needed: int) -> None:
        """Require that `needed` remains. If `amount` is 0, require only that the limit is not 0."""
        i = int(limit)
        if amount > 0:
            self.conditions.append(f"remaining[{i}] >= :needed{i}")
            self.values[f":needed{i}"] = needed
        else:
            self.conditions.append(f"maxima[{i}] > :blocked")
            self.values[":blocked"] = 0

    def roll(self, limit: Limit, maximum: int, held: int, end: int) -> None:
        i = int(limit)
        self.sets += [f"remaining[{i}] = :remaining{i}", f"held[{i}] = :held{i}", f"ends[{i}] = :end{i}"]
        self.values |= {f":remaining{i}": maximum - held, f":held{i}": held, f":end{i}": end}

    def limit_to(self, limit: Limit, maximum: int) -> None:
        self.sets.append(f"maxima[{int(limit)}] = :maximum{int(limit)}")
        self.values[f":maximum{int(limit)}"] = maximum

    def close(self, reservation: Reservation) -> None:
        self.removes.append("inFlight.#closed")
        self.conditions.append("attribute_exists(inFlight.#closed)")
        self.names["#closed"] = reservation.id

    def while_still(self, name: str, numbers: PerWindow) -> None:
        """Require that a list begins with these numbers. A newer version may have appended others."""
        self.conditions += [f"{name}[{i}] = :still_{name}{i}" for i in range(len(numbers))]
        self.values |= {f":still_{name}{i}": number for i, number in enumerate(numbers)}

    def run(self, table: Table, tenant_id: str, returns: str = "NONE") -> Item:
        expression = f"SET {', '.join(self.sets)}" + (f" REMOVE {', '.join(self.removes)}" if self.removes else "")
        return table.update(
            keys.limits(tenant_id),
            expression,
            self.values,
            condition=" AND ".join(self.conditions),
            names=self.names,
            returns=returns,
        )


class LimitStore:
    """Store of limits and reservations. A tenant has at most `max_in_flight` reservations at a time."""

    def __init__(self, table: Table, max_in_flight: int) -> None:
        self._table = table
        self._max_in_flight = max_in_flight

    def load(self, tenant_id: str) -> LimitState | None:
        """Return the stored state, or None if the tenant has no item yet."""
        return self.state(self._table.get(keys.limits(tenant_id), consistent=True))

    def read(self, tenant_id: str) -> Read:
        """Return the read of a tenant's item, to be run together with other reads. `state` parses its result."""
        return Read(self._table, keys.limits(tenant_id), consistent=True)

    def state(self, item: Item | None) -> LimitState | None:
        """Return the state of an item that was read, or None for no item."""
        return _state(item) if item else None

    def create(self, tenant_id: str, settings: LimitSettings, now_s: int) -> None:
        """Write a tenant's first item. An existing item does not change."""
        item: Item = {
            **keys.limits(tenant_id),
            "tz": settings.time_zone,
            "maxima": settings.maxima,
            "remaining": settings.maxima,
            "held": NOTHING,
            "ends": window_ends(now_s, settings.time_zone),
            "inFlight": {},
        }
        try:
            self._table.put(item, condition="attribute_not_exists(PK)")
        except ConditionFailed:
            return

    def reserve(
        self,
        tenant_id: str,
        request: ReservationRequest,
        defaults: LimitSettings,
        now_s: int,
        *,
        settled: Settlement | None = None,
    ) -> Reservation:
        """Open a reservation and close the attempt before it in the same write.

        If the same reservation is opened twice, because the response to the first write was lost, it exists once.

        Raises:
            RefusedError: The reservation does not fit. Nothing was closed.
            StoreUnavailable: The store cannot be reached.
        """
        try:
            if settled is None:
                return self._reserve_unseen(tenant_id, request, now_s)
            return self._reserve(tenant_id, request, settled, now_s, ends=settled.reservation.ends)
        except ConditionFailed as refusal:
            item = refusal.item
        for _ in range(TRIES):
            if item is None:
                self.create(tenant_id, defaults, now_s)
            state = _state(item) if item else self.load(tenant_id)
            if state is None:
                continue
            if request.id in state.in_flight:
                return state.in_flight[request.id].model_copy(
                    update={"levels": state.levels() if request.watched else ()}
                )
            # If the sweep has closed the attempt before, only the new one counts.
            open_before = settled if settled and settled.reservation.id in state.in_flight else None
            if not self.fits(request, open_before, state.at(now_s)):
                raise RefusedError(state.at(now_s))
            try:
                return self._reserve(tenant_id, request, open_before, now_s, ends=state.ends, state=state)
            except ConditionFailed as refusal:
                item = refusal.item
        raise StoreUnavailable

    def settle(self, tenant_id: str, settled: Settlement) -> tuple[Level, ...] | None:
        """Close a reservation with the amounts that were used.

        Returns:
            The levels after it if it is watched, else an empty tuple. None if it was settled before: then nothing
            changes.
        """
        ends = settled.reservation.ends
        for _ in range(TRIES):
            write = _Write()
            write.close(settled.reservation)
            write.while_still("ends", ends)
            for limit in Limit:
                write.add(limit, *balance_delta(None, settled, limit, ends[limit]))
            try:
                item = write.run(self._table, tenant_id, returns="ALL_NEW" if settled.watched else "NONE")
            except ConditionFailed as refusal:
                if refusal.item is None or settled.reservation.id not in refusal.item["inFlight"]:
                    return None
                ends = _state(refusal.item).ends
            else:
                return _levels(item) if settled.watched else ()
        raise StoreUnavailable

    def change_settings(
        self, tenant_id: str, change: Callable[[LimitSettings], LimitSettings], defaults: LimitSettings, now_s: int
    ) -> None:
        """Apply `change` to limits and time zone. Used amounts stay; the change applies from the next request.

        Current windows keep their ends, so that changing the zone cannot start a second day. The new zone applies when
        a window rolls.
        """
        for _ in range(TRIES):
            state = self.load(tenant_id)
            if state is None:
                # Created with the new settings, so that the first windows are in the new time zone.
                self.create(tenant_id, change(defaults), now_s)
                continue
            settings = change(state.settings)
            write = _Write()
            write.while_still("maxima", state.maxima)
            write.sets.append("tz = :zone")
            write.conditions.append("tz = :oldZone")
            write.values |= {":zone": settings.time_zone, ":oldZone": state.time_zone}
            for limit in Limit:
                write.limit_to(limit, settings.maxima[limit])
                write.add(limit, settings.maxima[limit] - state.maxima[limit], 0)
            try:
                write.run(self._table, tenant_id)
            except ConditionFailed:
                continue
            return
        raise StoreUnavailable

    def reset(self, tenant_id: str, state: LimitState, now_s: int) -> LimitState | None:
        """Roll the windows of `state` that were used and have ended.

        Returns:
            The state after the write. None if there was nothing to roll, or if a request changed the item first: it has
            rolled the windows that it needs.
        """
        running = state.at(now_s)
        ended = [limit for limit in Limit if running.ends[limit] != state.ends[limit] and state.was_used(limit)]
        if not ended:
            return None
        write = _Write()
        write.while_still("ends", state.ends)
        write.while_still("maxima", state.maxima)
        for limit in ended:
            write.roll(limit, state.maxima[limit], 0, running.ends[limit])
        try:
            return _state(write.run(self._table, tenant_id, returns="ALL_NEW"))
        except ConditionFailed:
            return None

    def fits(self, request: ReservationRequest, settled: Settlement | None, state: LimitState) -> bool:
        """Return True if `state` has room for the request after `settled` is closed."""
        if not request.price_known and state.maxima[Limit.COST_PER_MONTH] != UNLIMITED:
            return False
        if settled is None and state.in_flight_count >= self._max_in_flight:
            return False
        return not any(blocks(request, settled, limit, state) for limit in Limit)

    def _reserve_unseen(self, tenant_id: str, request: ReservationRequest, now_s: int) -> Reservation:
        """Reserve with one write and no read. This is the common case, in which no window has ended."""
        write = _Write()
        write.sets.append("inFlight.#opened = list_append(:entry, ends)")
        write.values |= {":entry": _entry(request), ":now": now_s}
        write.conditions += [f"ends[{int(limit)}] > :now" for limit in Limit]
        for limit in Limit:
            amount = request.amounts[limit]
            write.add(limit, -amount, amount)
            write.allow(limit, amount, amount)
        return self._open(write, tenant_id, request, now_s, adds_in_flight=True)

    def _reserve(
        self,
        tenant_id: str,
        request: ReservationRequest,
        settled: Settlement | None,
        now_s: int,
        *,
        ends: PerWindow,
        state: LimitState | None = None,
    ) -> Reservation:
        """Reserve in the windows that end at `ends`. If any of them has ended, `state` is needed to roll it."""
        running = state.at(now_s) if state else None
        write = _Write()
        write.while_still("ends", ends)
        write.sets.append("inFlight.#opened = :entry")
        write.values[":entry"] = [*_entry(request), *(running.ends if running else ends)]
        if state is None:
            write.values[":now"] = now_s
            write.conditions += [f"ends[{int(limit)}] > :now" for limit in Limit]
        else:
            write.while_still("maxima", state.maxima)
        for limit in Limit:
            if state and running and running.ends[limit] != ends[limit]:
                write.roll(limit, state.maxima[limit], request.amounts[limit], running.ends[limit])
                continue
            remaining, held = balance_delta(request, settled, limit, ends[limit])
            write.add(limit, remaining, held)
            write.allow(limit, request.amounts[limit], -remaining)
        if settled:
            write.close(settled.reservation)
        return self._open(write, tenant_id, request, now_s, adds_in_flight=settled is None)

    def _open(
        self, write: _Write, tenant_id: str, request: ReservationRequest, now_s: int, *, adds_in_flight: bool
    ) -> Reservation:
        write.names["#opened"] = request.id
        write.conditions.append("attribute_not_exists(inFlight.#opened)")
        write.sets += ["dueShard = :shard", "dueAt = :due"]
        write.values |= {":shard": keys.due_shard(tenant_id), ":due": due_at(now_s)}
        if adds_in_flight:
            write.conditions.append("size(inFlight) < :maximum")
            write.values[":maximum"] = self._max_in_flight
        if not request.price_known:
            write.conditions.append("maxima[2] = :unlimited")
            write.values[":unlimited"] = UNLIMITED
        item = write.run(self._table, tenant_id, returns="ALL_NEW" if request.watched else "UPDATED_NEW")
        reservation = _reservation(request.id, item["inFlight"][request.id])
        return reservation.model_copy(update={"levels": _levels(item)}) if request.watched else reservation
