"""When hours, days and months end in a tenant's own time zone."""

from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from nexus_ai.platform.clock import zone_of
from nexus_ai.platform.units import HOUR_S


@cache
def _names() -> frozenset[str]:
    # Of the package that the layer carries: what a laptop's own files know besides, Lambda would not find.
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def is_time_zone(name: str) -> bool:
    return name in _names()


def window_ends(now_s: int, time_zone: str) -> tuple[int, int, int]:
    """The ends of the hour, the day and the month that hold `now_s`, in seconds since 1970 UTC.

    Each is later than `now_s`. A day of 23 or 25 hours (daylight saving) ends at its local midnight.
    """
    zone = zone_of(time_zone)
    local = datetime.fromtimestamp(now_s, zone)
    hour = now_s - local.minute * 60 - local.second + HOUR_S
    today = local.date()
    first_of_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return hour, _midnight(today + timedelta(days=1), zone), _midnight(first_of_month, zone)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """The moment at which the clocks begin to show `day` for good.

    Where the clocks skip midnight it is the moment of the skip. Where midnight comes twice it is the first one, unless
    the clocks show the day before again between the two.
    """
    first, second = (int(datetime.combine(day, time(fold=fold), zone).timestamp()) for fold in (0, 1))
    midnight_exists = datetime.fromtimestamp(second, zone).date() == day
    day_before_again = datetime.fromtimestamp(second - 1, zone).date() < day
    return second if midnight_exists and day_before_again else first
