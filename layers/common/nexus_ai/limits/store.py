"""The item that keeps a tenant's limits strict.

It holds, in lists of three (hour, day, month), the limits (`maxima`), what is `remaining` of each, what reservations
hold (`held`) and when the window ends (`ends`), beside the map of reservations in flight (`inFlight`). DynamoDB's
conditions know no arithmetic, but `remaining >= :n` needs none, so that reserving, settling, and moving on from one
attempt to the next are one UpdateItem each, and no two calls can both take what remains.
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

# A refused condition shows the item as it is, and the next try is made for that. What refuses again is another
# writer's progress (a window rolled, a limit changed), which is rare: eight times in a row is a fault.
TRIES = 8
# The sweep looks at a tenant some minutes after its last reservation: at most one write of the index in this time.
DUE_STEP_S = 300
# `<request id>.<number of the attempt>`.
_RESERVATION_ID = re.compile(r"[^.]+\.[0-9]+")
# Three amounts, deadline, provider, model, three ends.
_ENTRY_LENGTH = 9


def due_at(now_s: int) -> int:
    """The step that a mark set now stands for: the next one."""
    return (now_s // DUE_STEP_S + 1) * DUE_STEP_S


class RefusedError(Exception):
    """The reservation does not fit into the limits of `state`."""

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
    """Without a look at the reservations, of which there may be a hundred."""
    return _state({**item, "inFlight": {}}).levels()


def _entry(ask: ReservationRequest) -> list[Any]:
    """Return a reservation as it stands in the map, but for the ends of its windows, which follow."""
    return [*ask.amounts, ask.deadline_ms, ask.provider, ask.model]


def _is_known(name: str, entry: object) -> bool:
    """Say if a reservation has the form of this version. What a newer one adds stands behind it."""
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
    ask: ReservationRequest | None, settled: Settlement | None, limit: Limit, end: int
) -> tuple[int, int]:
    """What closing one reservation and opening another adds to `remaining` and to `held` of a window that ends then.

    A reservation of a window that has rolled meanwhile neither gives back nor takes: its window is gone.
    """
    opened = ask.amounts[limit] if ask else 0
    remaining, held = -opened, opened
    if settled and settled.reservation.ends[limit] == end:
        remaining += settled.reservation.amounts[limit] - settled.used[limit]
        held -= settled.reservation.amounts[limit]
    return remaining, held


def blocks(ask: ReservationRequest, settled: Settlement | None, limit: Limit, state: LimitState) -> bool:
    """Whether this limit refuses: too little remains of it, or it is 0, which blocks even what takes nothing of it."""
    if ask.amounts[limit] == 0:
        return state.maxima[limit] == 0
    return state.remaining[limit] + balance_delta(ask, settled, limit, state.ends[limit])[0] < 0


class _Write:
    """An UpdateItem in the making."""

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
        """Requires that `needed` remains where an amount is asked for, and else only that the limit does not block."""
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
        """Require that a list has these numbers, whatever a newer version has behind them."""
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
    def __init__(self, table: Table, seats: int) -> None:
        self._table = table
        self._seats = seats

    def load(self, tenant_id: str) -> LimitState | None:
        return self.state(self._table.get(keys.limits(tenant_id), consistent=True))

    def read(self, tenant_id: str) -> Read:
        """What reads a tenant's item together with others; `state` tells what was read."""
        return Read(self._table, keys.limits(tenant_id), consistent=True)

    def state(self, item: Item | None) -> LimitState | None:
        return _state(item) if item else None

    def create(self, tenant_id: str, settings: LimitSettings, now_s: int) -> None:
        """Writes a tenant's first item; one that is there stays as it is."""
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
        ask: ReservationRequest,
        defaults: LimitSettings,
        now_s: int,
        *,
        settled: Settlement | None = None,
    ) -> Reservation:
        """Opens a reservation, and closes the attempt before it in the same write; raises Refused and StoreUnavailable.

        Asking for the same reservation twice (a write whose answer was lost) gives it once. Refused closes nothing.
        """
        try:
            if settled is None:
                return self._reserve_unseen(tenant_id, ask, now_s)
            return self._reserve(tenant_id, ask, settled, now_s, ends=settled.reservation.ends)
        except ConditionFailed as refusal:
            item = refusal.item
        for _ in range(TRIES):
            if item is None:
                self.create(tenant_id, defaults, now_s)
            state = _state(item) if item else self.load(tenant_id)
            if state is None:
                continue
            if ask.id in state.in_flight:
                return state.in_flight[ask.id].model_copy(update={"levels": state.levels() if ask.watched else ()})
            # Where the sweep has closed the attempt before, this one stands for itself.
            open_before = settled if settled and settled.reservation.id in state.in_flight else None
            if not self.fits(ask, open_before, state.at(now_s)):
                raise RefusedError(state.at(now_s))
            try:
                return self._reserve(tenant_id, ask, open_before, now_s, ends=state.ends, state=state)
            except ConditionFailed as refusal:
                item = refusal.item
        raise StoreUnavailable

    def settle(self, tenant_id: str, settled: Settlement) -> tuple[Level, ...] | None:
        """Closes a reservation at what it used, and returns the levels after it where it is watched.

        A second settlement of the same one changes nothing and is None.
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
        """New limits and time zone, made of those that stand. They bind on the next call; what was used stays used.

        A window that runs keeps its end, so that no change of zone gives a second day: the zone decides at its roll.
        """
        for _ in range(TRIES):
            state = self.load(tenant_id)
            if state is None:
                # In the zone that was chosen, so that the first windows are its own.
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
        """Rolls the windows of `state` that were used and have ended; one that nobody used costs no write.

        Returns the state after it; None where there was none, or where a call was first: it rolls what it needs itself.
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

    def fits(self, ask: ReservationRequest, settled: Settlement | None, state: LimitState) -> bool:
        if not ask.price_known and state.maxima[Limit.COST_PER_MONTH] != UNLIMITED:
            return False
        if settled is None and state.max_in_flight >= self._seats:
            return False
        return not any(blocks(ask, settled, limit, state) for limit in Limit)

    def _reserve_unseen(self, tenant_id: str, ask: ReservationRequest, now_s: int) -> Reservation:
        """The common case, in which every window runs: one write that needs to know nothing of the item."""
        write = _Write()
        write.sets.append("inFlight.#opened = list_append(:entry, ends)")
        write.values |= {":entry": _entry(ask), ":now": now_s}
        write.conditions += [f"ends[{int(limit)}] > :now" for limit in Limit]
        for limit in Limit:
            amount = ask.amounts[limit]
            write.add(limit, -amount, amount)
            write.allow(limit, amount, amount)
        return self._open(write, tenant_id, ask, now_s, takes_seat=True)

    def _reserve(
        self,
        tenant_id: str,
        ask: ReservationRequest,
        settled: Settlement | None,
        now_s: int,
        *,
        ends: PerWindow,
        state: LimitState | None = None,
    ) -> Reservation:
        """For windows that end at `ends`. Rolls those that have ended, for which `state` must be given."""
        running = state.at(now_s) if state else None
        write = _Write()
        write.while_still("ends", ends)
        write.sets.append("inFlight.#opened = :entry")
        write.values[":entry"] = [*_entry(ask), *(running.ends if running else ends)]
        if state is None:
            write.values[":now"] = now_s
            write.conditions += [f"ends[{int(limit)}] > :now" for limit in Limit]
        else:
            write.while_still("maxima", state.maxima)
        for limit in Limit:
            if state and running and running.ends[limit] != ends[limit]:
                write.roll(limit, state.maxima[limit], ask.amounts[limit], running.ends[limit])
                continue
            remaining, held = balance_delta(ask, settled, limit, ends[limit])
            write.add(limit, remaining, held)
            write.allow(limit, ask.amounts[limit], -remaining)
        if settled:
            write.close(settled.reservation)
        return self._open(write, tenant_id, ask, now_s, takes_seat=settled is None)

    def _open(
        self, write: _Write, tenant_id: str, ask: ReservationRequest, now_s: int, *, takes_seat: bool
    ) -> Reservation:
        write.names["#opened"] = ask.id
        write.conditions.append("attribute_not_exists(inFlight.#opened)")
        write.sets += ["dueShard = :shard", "dueAt = :due"]
        write.values |= {":shard": keys.due_shard(tenant_id), ":due": due_at(now_s)}
        if takes_seat:
            write.conditions.append("size(inFlight) < :seats")
            write.values[":seats"] = self._seats
        if not ask.price_known:
            write.conditions.append("maxima[2] = :unlimited")
            write.values[":unlimited"] = UNLIMITED
        item = write.run(self._table, tenant_id, returns="ALL_NEW" if ask.watched else "UPDATED_NEW")
        reservation = _reservation(ask.id, item["inFlight"][ask.id])
        return reservation.model_copy(update={"levels": _levels(item)}) if ask.watched else reservation
