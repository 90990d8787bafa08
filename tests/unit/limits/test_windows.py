"""Test when hours, days and months end, including every irregularity of a calendar."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_ai.limits.windows import is_time_zone, window_ends

SAO_PAULO = "America/Sao_Paulo"
# In Havana midnight comes twice when summer time ends; in São Paulo it was skipped when summer time began.
ZONES = (
    SAO_PAULO,
    "UTC",
    "Asia/Kolkata",
    "America/Havana",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Europe/Lisbon",
    "Pacific/Apia",
)


def _s(zone: str, year: int, month: int, day: int, *time: int) -> int:
    hour, minute, second = (*time, 0, 0, 0)[:3]
    return int(datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ((2026, 11, 23, 10, 59, 59), ((2026, 11, 23, 11), (2026, 11, 24), (2026, 12, 1))),
        ((2026, 11, 23, 11, 0, 0), ((2026, 11, 23, 12), (2026, 11, 24), (2026, 12, 1))),
        ((2026, 12, 31, 23, 59, 59), ((2027, 1, 1), (2027, 1, 1), (2027, 1, 1))),
        ((2028, 2, 28, 23, 59, 59), ((2028, 2, 29), (2028, 2, 29), (2028, 3, 1))),
        ((2028, 2, 29, 0, 0, 0), ((2028, 2, 29, 1), (2028, 3, 1), (2028, 3, 1))),
        ((2027, 2, 28, 12, 0, 0), ((2027, 2, 28, 13), (2027, 3, 1), (2027, 3, 1))),
    ],
)
def test_windows_end_at_local_hour_midnight_and_month(
    now: tuple[int, int, int, int, int, int], ends: tuple[tuple[int, int, int], ...]
) -> None:
    expected = tuple(_s(SAO_PAULO, *end) for end in ends)
    assert window_ends(_s(SAO_PAULO, *now), SAO_PAULO) == expected


def test_day_starts_at_one_if_midnight_is_skipped() -> None:
    # 2018-11-04: clocks went from 00:00 to 01:00.
    _, day, _ = window_ends(_s(SAO_PAULO, 2018, 11, 3, 12), SAO_PAULO)
    assert datetime.fromtimestamp(day, UTC) == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_day_with_a_repeated_last_hour_ends_after_the_second() -> None:
    # 2018-02-18: clocks went back from 00:00 to 23:00 of the 17th.
    _, day, _ = window_ends(_s(SAO_PAULO, 2018, 2, 17, 12), SAO_PAULO)
    assert datetime.fromtimestamp(day, UTC) == datetime(2018, 2, 18, 3, tzinfo=UTC)


def test_day_with_a_repeated_first_hour_starts_at_the_first() -> None:
    # 2026-11-01 in Havana: clocks go back from 01:00 to 00:00 of the same day.
    _, day, month = window_ends(_s("America/Havana", 2026, 10, 31, 12), "America/Havana")
    assert datetime.fromtimestamp(day, UTC) == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert month == day


def test_day_left_after_a_minute_starts_when_it_returns() -> None:
    # 2010-11-07 in St. John's: clocks went back from 00:01 to 23:01 of the 6th.
    _, day, _ = window_ends(_s("America/St_Johns", 2010, 11, 6, 12), "America/St_Johns")
    assert datetime.fromtimestamp(day, UTC) == datetime(2010, 11, 7, 3, 30, tzinfo=UTC)


@given(now=st.integers(1_000_000_000, 2_500_000_000), zone=st.sampled_from(ZONES))
def test_windows_end_after_now_and_longer_ones_later(now: int, zone: str) -> None:
    hour, day, month = window_ends(now, zone)
    assert now < hour <= now + 3600
    assert now < day <= now + 26 * 3600
    assert day <= month <= now + 32 * 86400


@given(now=st.integers(1_000_000_000, 2_500_000_000), zone=st.sampled_from(ZONES))
def test_end_of_a_window_is_the_same_throughout_it(now: int, zone: str) -> None:
    _, day, month = window_ends(now, zone)
    assert window_ends(day - 1, zone)[1] == day
    assert window_ends(month - 1, zone)[2] == month
    assert window_ends(day, zone)[1] > day


def test_time_zones_need_their_full_listed_name() -> None:
    assert is_time_zone(SAO_PAULO)
    assert is_time_zone("UTC")
    assert not is_time_zone("America/Sao Paulo")
    assert not is_time_zone("America")
    assert not is_time_zone("")
