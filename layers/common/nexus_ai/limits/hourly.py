"""Small limits beside the three strict ones: how often something happens in a clock hour, one item an hour."""

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Table
from nexus_ai.platform.clock import iso
from nexus_ai.platform.errors import LimitExceeded
from nexus_ai.platform.units import HOUR_S


class HourlyCounter:
    """`counted` is the limit's name in an answer; at most `most` of it in an hour of UTC."""

    def __init__(self, table: Table, counted: str, most: int) -> None:
        self._table = table
        self._counted = counted
        self._most = most

    def take(self, tenant_id: str, now_ms: int) -> None:
        """Counts one more in one conditional write; raises LimitExceeded and StoreUnavailable."""
        hour, now_s = now_ms // (HOUR_S * 1000), now_ms // 1000
        ends_s = (hour + 1) * HOUR_S
        try:
            self._table.update(
                keys.hourly_count(tenant_id, self._counted, hour),
                "ADD used :one SET expiresAt = :expires",
                {":one": 1, ":most": self._most, ":expires": ends_s + HOUR_S},
                condition="attribute_not_exists(used) OR used < :most",
                repeatable=False,
            )
        except ConditionFailed:
            raise LimitExceeded(
                f"{self._counted} is used up until {iso(ends_s * 1000)}.",
                extra={
                    "limit": self._counted,
                    "max": self._most,
                    "used": self._most,
                    "reserved": 0,
                    "resetsAt": iso(ends_s * 1000),
                },
                retry_after=ends_s - now_s,
            ) from None
