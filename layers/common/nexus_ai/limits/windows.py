"""Calculate the ends of hours, days and months in a tenant's time zone."""

from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from nexus_ai.platform.clock import zone_of
from nexus_ai.platform.units import HOUR_S


@cache
def _names() -> frozenset[str]:
    # Read from the tzdata package in the layer. A laptop may have more zones than Lambda can find.
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def is_time_zone(name: str) -> bool:
    """Return True if the name is an IANA time zone that every Lambda function can load."""
    return name in _names()


def window_ends(now_s: int, time_zone: str) -> tuple[int, int, int]:
    """Return the ends of the current hour, day and month, in seconds since 1970 UTC.

    Each end is later than `now_s`. A day of 23 or 25 hours (daylight saving time) ends at its local midnight.
    """
    zone = zone_of(time_zone)
    local = datetime.fromtimestamp(now_s, zone)
    hour = now_s - local.minute * 60 - local.second + HOUR_S
    today = local.date()
    first_of_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return hour, _midnight(today + timedelta(days=1), zone), _midnight(first_of_month, zone)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the moment from which the local clocks show `day` and not the day before.

    If the clocks skip midnight, this is the moment of the skip. If midnight occurs twice, this is the first one, unless
    the clocks go back to the day before in between.
    """
    first, second = (int(datetime.combine(day, time(fold=fold), zone).timestamp()) for fold in (0, 1))
    midnight_exists = datetime.fromtimestamp(second, zone).date() == day
    day_before_again = datetime.fromtimestamp(second - 1, zone).date() < day
    return second if midnight_exists and day_before_again else first
