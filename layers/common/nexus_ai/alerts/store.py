"""Store alerts in the table of limits, lease them to one sender, and keep them after they are closed.

The sparse index `due` holds the alerts that are not sent yet, so that a run reads only those.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from nexus_ai.alerts.models import AlertedLimit, AlertStatus, LimitAlert, ProviderAlert, ProviderEvent
from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Table
from nexus_ai.platform.schema import StoredModel
from nexus_ai.platform.units import DAY_S

# Longer than a run of the scheduled function, which ends after 290 seconds.
LEASE_S = 300
# A limit alert must exist until its window ends, and some days longer for late runs.
LIMIT_ALERT_KEPT_S = 3 * DAY_S
# If a provider fails for longer than this, another alert is sent.
PROVIDER_ALERT_KEPT_S = 30 * DAY_S
# If a provider fails again within this time after it recovered, the failure belongs to the same event.
EVENT_INTERVAL_S = 3_600
# Status of a closed alert by its stored outcome (alerts.dispatcher.Outcome).
STATUS_OF_OUTCOME = {
    "sent": AlertStatus.SENT,
    "mails_are_off": AlertStatus.MAILS_OFF,
    "nobody_to_tell": AlertStatus.NO_RECIPIENT,
}


class Crossing(StoredModel):
    """Threshold that was reached. `used` includes reserved amounts, all of which are settled by `settled_by`."""

    limit: AlertedLimit
    threshold: int
    window_end: int
    used: int
    max: int
    settled_by: int

    @property
    def name(self) -> str:
        """Sort key of the alert."""
        return LimitAlert.name_of(self.limit, self.threshold, self.window_end)


class Leased(NamedTuple):
    """Alert that is leased to one sender. `written` is its content as stored."""

    tenant_id: str
    lease: str
    content: Crossing | ProviderAlert
    written: Mapping[str, Any]


class NotedAlert(NamedTuple):
    """Status of a stored alert. `closed_at` is in seconds since 1970 UTC; None while the alert is due."""

    status: AlertStatus
    closed_at: int | None


class AlertStore:
    """Store of alerts."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note_crossing(self, tenant_id: str, crossing: Crossing, now_s: int) -> bool:
        """Store an alert for a threshold, or update its numbers if it is still due.

        Returns:
            False if the alert was already closed.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        try:
            self._table.update(
                keys.alert(tenant_id, crossing.name),
                "SET content = :content, dueShard = :shard, dueAt = if_not_exists(dueAt, :now), expiresAt = :expires",
                {
                    ":content": crossing.model_dump(mode="json"),
                    ":shard": keys.alert_shard(tenant_id),
                    ":now": now_s,
                    ":expires": crossing.window_end + LIMIT_ALERT_KEPT_S,
                },
                condition="attribute_not_exists(PK) OR attribute_exists(dueAt)",
            )
        except ConditionFailed:
            return False
        return True

    def note_failure(self, alert: ProviderAlert) -> bool:
        """Store an alert for a provider, replacing the alert of an event that is over.

        Returns:
            False if there is an alert for the same event: one that has not been over for an hour.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        item = {
            **keys.alert(alert.tenant_id, alert.name),
            "content": alert.model_dump(mode="json"),
            "dueShard": keys.alert_shard(alert.tenant_id),
            "dueAt": alert.at,
            "expiresAt": alert.at + PROVIDER_ALERT_KEPT_S,
        }
        try:
            self._table.put(
                item,
                condition="attribute_not_exists(PK) OR expiresAt <= :now OR overAt <= :apart",
                values={":now": alert.at, ":apart": alert.at - EVENT_INTERVAL_S},
            )
        except ConditionFailed:
            return False
        return True

    def note_recovery(self, tenant_id: str, name: str, now_s: int) -> None:
        """Mark the event of an alert as over, if there is such an alert.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        try:
            self._table.update(
                keys.alert(tenant_id, name), "SET overAt = :now", {":now": now_s}, condition="attribute_exists(PK)"
            )
        except ConditionFailed:
            return

    def due(self, now_s: int) -> Iterator[tuple[str, str]]:
        """Yield tenant and name of every alert that is due, the oldest of each shard first.

        Skips kinds of alerts that only a newer version knows.
        """
        for shard in keys.alert_shards():
            values = {":shard": shard, ":now": now_s}
            for item in self._table.query("dueShard = :shard AND dueAt <= :now", values, index=keys.DUE_INDEX):
                if _form(item["SK"]):
                    yield item["PK"], item["SK"]

    def noted(self, tenant_id: str, name: str) -> NotedAlert | None:
        """Return the status of an alert, or None if it was never stored.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        item = self._table.get(keys.alert(tenant_id, name), consistent=True)
        if item is None:
            return None
        if "dueAt" in item:
            return NotedAlert(AlertStatus.DUE, None)
        status = STATUS_OF_OUTCOME.get(item["outcome"])
        # A newer version may store outcomes that this version does not know.
        return NotedAlert(status, item["closedAt"]) if status else None

    def lease(self, tenant_id: str, name: str, now_s: int) -> Leased | None:
        """Lease an alert for LEASE_S seconds.

        Returns:
            None if another sender has leased it, or if it is not due any more.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        lease = str(uuid4())
        try:
            item = self._table.update(
                keys.alert(tenant_id, name),
                "SET lease = :lease, leasedUntil = :until",
                {":lease": lease, ":until": now_s + LEASE_S, ":now": now_s},
                condition="attribute_exists(dueAt) AND (attribute_not_exists(lease) OR leasedUntil <= :now)",
                returns="ALL_NEW",
            )
        except ConditionFailed as taken:
            # This write may have leased it: a write is repeated if its response was lost.
            if taken.item is None or taken.item.get("lease") != lease:
                return None
            item = taken.item
        return Leased(tenant_id, lease, _content(item), item["content"])

    def release(self, leased: Leased) -> None:
        """End the lease. The alert stays due for the next run."""
        self._end(leased, "REMOVE lease, leasedUntil")

    def close(self, leased: Leased, outcome: str, now_s: int) -> None:
        """End the lease and close the alert with an outcome.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        values = {":outcome": outcome, ":now": now_s}
        self._end(leased, "SET outcome = :outcome, closedAt = :now REMOVE dueShard, dueAt, lease, leasedUntil", values)

    def withdraw(self, leased: Leased) -> None:
        """Delete an alert whose threshold was not reached, unless it was updated since it was leased.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        try:
            self._table.delete(
                keys.alert(leased.tenant_id, leased.content.name),
                condition="lease = :lease AND content = :content",
                values={":lease": leased.lease, ":content": leased.written},
            )
        except ConditionFailed:
            self.release(leased)

    def _end(self, leased: Leased, expression: str, values: dict[str, Any] | None = None) -> None:
        try:
            self._table.update(
                keys.alert(leased.tenant_id, leased.content.name),
                expression,
                {":lease": leased.lease, **(values or {})},
                condition="lease = :lease",
            )
        except ConditionFailed:
            # A repeated write has already ended it, or another run has leased it after this lease expired.
            return


def _form(name: str) -> type[Crossing | ProviderAlert] | None:
    """Return the model of an alert by its sort key, or None for an unknown kind."""
    match name.split("#"):
        case ["alert", "limit", limit, _, _] if limit in AlertedLimit:
            return Crossing
        case ["alert", event, _] | ["alert", event, _, _] if event in ProviderEvent:
            return ProviderAlert
        case _:
            return None


def _content(item: Item) -> Crossing | ProviderAlert:
    form = _form(item["SK"])
    if form is None:
        raise LookupError("a leased alert has an unknown kind")
    return form.model_validate(item["content"])
