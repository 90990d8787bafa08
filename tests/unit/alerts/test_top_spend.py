"""Test the days of an e-mail's top spend if its window and the usage roll-ups have different time zones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from nexus_ai.alerts.models import AlertedLimit, LimitAlert
from nexus_ai.alerts.top_spend import days
from nexus_ai.limits.windows import window_ends

ZONES = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Sao_Paulo", "Europe/Lisbon", "Australia/Lord_Howe")
FIRST_S = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
YEAR_S = 366 * 86_400


def of_month(end_s: int) -> LimitAlert:
    return LimitAlert(
        tenant_id="t", limit=AlertedLimit.COST_PER_MONTH, threshold=80, window_end=end_s, used=80, max=100
    )


@given(at=st.integers(FIRST_S, FIRST_S + YEAR_S), window=st.sampled_from(ZONES), usage_zone=st.sampled_from(ZONES))
def test_days_of_a_month_lie_in_its_window(at: int, window: str, usage_zone: str) -> None:
    first, last = days(of_month(window_ends(at, window)[2]), usage_zone, at)

    month = datetime.fromtimestamp(at, ZoneInfo(window)).date().replace(day=1)
    today = datetime.fromtimestamp(at, ZoneInfo(usage_zone)).date()
    assert first == min(month, today)
    assert first <= last <= today
    assert last >= today - timedelta(days=2)


def test_ended_month_is_shown_up_to_its_last_day() -> None:
    end_s = window_ends(int(datetime(2026, 11, 18, tzinfo=UTC).timestamp()), "America/Sao_Paulo")[2]

    assert days(of_month(end_s), "America/Sao_Paulo", end_s + 40 * 86_400) == (date(2026, 11, 1), date(2026, 11, 30))
