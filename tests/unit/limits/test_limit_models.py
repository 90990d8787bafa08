"""Test a tenant's limits as plain numbers at any moment."""

from dataclasses import replace

import pytest
from pydantic import BaseModel, ValidationError

from nexus_ai.limits.models import (
    UNLIMITED,
    Amounts,
    Limit,
    LimitSettings,
    LimitState,
    Reservation,
    ReservationRequest,
    Settlement,
)

# 2026-11-23 10:59:59 UTC
NOW_S = 1_795_431_599
HOUR_END_S, DAY_END_S, MONTH_END_S = NOW_S + 1, 1_795_478_400, 1_796_083_200
RESERVATION = Reservation(
    id="0198-a.12", amounts=Amounts(1, 30, 40), deadline_ms=9, provider="openai", model="gpt-6-luna", ends=(1, 2, 3)
)
STATE = LimitState(
    time_zone="UTC",
    maxima=(100, 5_000, UNLIMITED),
    remaining=(60, 4_000, UNLIMITED - 900),
    held=(10, 300, 40),
    ends=(HOUR_END_S, DAY_END_S, MONTH_END_S),
    in_flight={"0198-a.12": RESERVATION},
)
REQUEST = ReservationRequest(
    id="0198-a.12", amounts=Amounts(1, 30, 40), deadline_ms=9, provider="openai", model="gpt-6-luna"
)


@pytest.mark.parametrize(
    "model",
    [
        RESERVATION,
        REQUEST,
        Settlement(reservation=RESERVATION, used=Amounts(1, 2, 3)),
        LimitSettings(requests_per_hour=1, tokens_per_day=2, cost_per_month_micros=3, time_zone="UTC"),
    ],
)
def test_limit_models_are_frozen_and_forbid_extra_fields(model: BaseModel) -> None:
    fields = dict(model)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model, next(iter(fields)), None)
    with pytest.raises(ValidationError, match="extra"):
        type(model)(**fields, more=1)


def test_price_is_known_by_default() -> None:
    assert REQUEST.price_known


def test_limits_have_the_names_of_the_api() -> None:
    assert [limit.public_name for limit in Limit] == ["requestsPerHour", "tokensPerDay", "costPerMonthUsd"]


def test_reservation_has_its_request_and_attempt_number() -> None:
    assert RESERVATION.request_id == "0198-a"
    assert RESERVATION.number == 12


def test_used_is_neither_remaining_nor_reserved() -> None:
    assert [STATE.used(limit) for limit in Limit] == [30, 700, 860]


def test_absent_limit_is_none_and_zero_is_a_limit() -> None:
    settings = LimitSettings(requests_per_hour=0, tokens_per_day=None, cost_per_month_micros=7, time_zone="UTC")
    assert settings.maxima == (0, 10**15, 7)
    assert LimitState.unused(settings, NOW_S).settings == settings


def test_unused_state_has_full_limits_and_current_windows() -> None:
    settings = LimitSettings(requests_per_hour=1, tokens_per_day=2, cost_per_month_micros=3, time_zone="UTC")
    assert LimitState.unused(settings, NOW_S) == LimitState(
        time_zone="UTC",
        maxima=(1, 2, 3),
        remaining=(1, 2, 3),
        held=(0, 0, 0),
        ends=(HOUR_END_S, DAY_END_S, MONTH_END_S),
        in_flight={},
    )


def test_state_is_unchanged_within_its_windows() -> None:
    assert STATE.at(NOW_S) == STATE


def test_ended_window_is_reset_and_others_continue() -> None:
    assert STATE.at(HOUR_END_S) == replace(
        STATE,
        remaining=(100, 4_000, UNLIMITED - 900),
        held=(0, 300, 40),
        ends=(HOUR_END_S + 3_600, DAY_END_S, MONTH_END_S),
    )
    assert STATE.at(DAY_END_S) == replace(
        STATE,
        remaining=(100, 5_000, UNLIMITED - 900),
        held=(0, 0, 40),
        ends=(DAY_END_S + 3_600, DAY_END_S + 86_400, MONTH_END_S),
    )


def test_all_windows_are_reset_after_the_longest() -> None:
    assert STATE.at(MONTH_END_S) == replace(
        STATE,
        remaining=STATE.maxima,
        held=(0, 0, 0),
        ends=(MONTH_END_S + 3_600, MONTH_END_S + 86_400, MONTH_END_S + 31 * 86_400),
    )


def test_reset_windows_end_in_the_current_time_zone() -> None:
    tokyo = replace(STATE, time_zone="Asia/Tokyo")
    assert tokyo.at(DAY_END_S).ends == (DAY_END_S + 3_600, DAY_END_S + 15 * 3_600, MONTH_END_S)
