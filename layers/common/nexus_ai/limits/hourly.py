"""Limit how many operations of a kind, such as connection tests, a tenant can start per hour of UTC.

These limits are separate from the three limits that administrators set. Each hour has its own item.
"""

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Table
from nexus_ai.platform.clock import iso
from nexus_ai.platform.errors import LimitExceeded
from nexus_ai.platform.units import HOUR_S


class HourlyCounter:
    """Counter that allows an operation at most `maximum` times per hour. `name` is the limit's name in errors."""

    def __init__(self, table: Table, name: str, maximum: int) -> None:
        self._table = table
        self._name = name
        self._maximum = maximum

    def take(self, tenant_id: str, now_ms: int) -> None:
        """Count one operation with a conditional write.

        Raises:
            LimitExceeded: The operation was started `maximum` times in this hour.
            StoreUnavailable: The store cannot be reached.
        """
        hour, now_s = now_ms // (HOUR_S * 1000), now_ms // 1000
        ends_s = (hour + 1) * HOUR_S
        try:
            self._table.update(
                keys.hourly_count(tenant_id, self._name, hour),
                "ADD used :one SET expiresAt = :expires",
                {":one": 1, ":most": self._maximum, ":expires": ends_s + HOUR_S},
                condition="attribute_not_exists(used) OR used < :most",
                repeatable=False,
            )
        except ConditionFailed:
            raise LimitExceeded(
                f"The limit {self._name} is used up. Try again after {iso(ends_s * 1000)}.",
                extra={
                    "limit": self._name,
                    "max": self._maximum,
                    "used": self._maximum,
                    "reserved": 0,
                    "resetsAt": iso(ends_s * 1000),
                },
                retry_after=ends_s - now_s,
            ) from None
