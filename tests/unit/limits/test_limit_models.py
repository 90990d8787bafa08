"""A tenant's limits as plain numbers, at any moment."""

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
ASK = ReservationRequest(
    id="0198-a.12", amounts=Amounts(1, 30, 40), deadline_ms=9, provider="openai", model="gpt-6-luna"
)


@pytest.mark.parametrize(
    "model",
    [
        RESERVATION,
        ASK,
        Settlement(reservation=RESERVATION, used=Amounts(1, 2, 3)),
        LimitSettings(requests_per_hour=1, tokens_per_day=2, cost_per_month_micros=3, time_zone="UTC"),
    ],
)
def test_what_was_agreed_on_is_not_changed_and_has_no_more_to_it(model: BaseModel) -> None:
    fields = dict(model)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model, next(iter(fields)), None)
    with pytest.raises(ValidationError, match="extra"):
        type(model)(**fields, more=1)


def test_a_price_is_known_unless_it_is_said_not_to_be() -> None:
    assert ASK.price_known


def test_limits_are_named_as_the_api_names_them() -> None:
    assert [limit.public_name for limit in Limit] == ["requestsPerHour", "tokensPerDay", "costPerMonthUsd"]


def test_a_reservation_knows_its_request_and_which_attempt_it_is() -> None:
    assert RESERVATION.request_id == "0198-a"
    assert RESERVATION.number == 12


def test_used_is_what_is_neither_left_nor_held() -> None:
    assert [STATE.used(limit) for limit in Limit] == [30, 700, 860]


def test_no_limit_is_none_and_nothing_else_is() -> None:
    settings = LimitSettings(requests_per_hour=0, tokens_per_day=None, cost_per_month_micros=7, time_zone="UTC")
    assert settings.maxima == (0, 10**15, 7)
    assert LimitState.unused(settings, NOW_S).settings == settings


def test_a_tenant_that_never_called_has_all_and_its_windows_run() -> None:
    settings = LimitSettings(requests_per_hour=1, tokens_per_day=2, cost_per_month_micros=3, time_zone="UTC")
    assert LimitState.unused(settings, NOW_S) == LimitState(
        time_zone="UTC",
        maxima=(1, 2, 3),
        remaining=(1, 2, 3),
        held=(0, 0, 0),
        ends=(HOUR_END_S, DAY_END_S, MONTH_END_S),
        in_flight={},
    )


def test_while_all_windows_run_a_state_reads_as_it_is() -> None:
    assert STATE.at(NOW_S) == STATE


def test_a_window_is_new_from_the_moment_of_its_end_and_the_others_go_on() -> None:
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


def test_after_the_longest_window_all_are_new() -> None:
    assert STATE.at(MONTH_END_S) == replace(
        STATE,
        remaining=STATE.maxima,
        held=(0, 0, 0),
        ends=(MONTH_END_S + 3_600, MONTH_END_S + 86_400, MONTH_END_S + 31 * 86_400),
    )


def test_new_windows_end_in_the_zone_that_stands_then() -> None:
    tokyo = replace(STATE, time_zone="Asia/Tokyo")
    assert tokyo.at(DAY_END_S).ends == (DAY_END_S + 3_600, DAY_END_S + 15 * 3_600, MONTH_END_S)
