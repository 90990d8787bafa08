"""What is to be told, as items beside a tenant's limits: written once, leased by whoever sends it, and kept as told.

The sparse index `due` holds those that are not told yet, so that nobody reads what nothing is due for.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from nexus_ai.alerts.models import AlertedLimit, AlertStatus, LimitAlert, ProviderAlert, ProviderEvent
from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Table
from nexus_ai.platform.schema import StoredModel
from nexus_ai.platform.units import DAY_S

# As long as whoever holds it can live: a run of the scheduled function ends after 290 seconds.
LEASE_S = 300
# That a window's threshold was told must be known as long as the window lasts, and a while for late runs.
LIMIT_ALERT_KEPT_S = 3 * DAY_S
# A provider that fails for longer than this is told of once more.
PROVIDER_ALERT_KEPT_S = 30 * DAY_S
# A provider that fails again sooner than this after it worked has not been over what was told.
EVENT_INTERVAL_S = 3_600
# The status of an alert by the outcome that it was closed with (alerts.dispatcher.Outcome).
STATUS_OF_OUTCOME = {
    "sent": AlertStatus.SENT,
    "mails_are_off": AlertStatus.MAILS_OFF,
    "nobody_to_tell": AlertStatus.NO_RECIPIENT,
}


class Crossing(StoredModel):
    """A threshold that was reached: `used` is with what calls in flight held, all of it settled after `settled_by`."""

    limit: AlertedLimit
    threshold: int
    window_end: int
    used: int
    max: int
    settled_by: int

    @property
    def name(self) -> str:
        return LimitAlert.name_of(self.limit, self.threshold, self.window_end)


class Leased(NamedTuple):
    """What one sender alone may send. `written` is its content as it stands in the item."""

    tenant_id: str
    lease: str
    content: Crossing | ProviderAlert
    written: Mapping[str, Any]


class NotedAlert(NamedTuple):
    """The status of an alert that was noted. `closed_at` is in seconds since 1970 UTC, None while it is due."""

    status: AlertStatus
    closed_at: int | None


class AlertStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def note_crossing(self, tenant_id: str, crossing: Crossing, now_s: int) -> bool:
        """Make sure that this threshold of this window is sent, with the numbers as they are now.

        The numbers before them are replaced whole. False where it was sent already; raises StoreUnavailable.
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
        """Make sure that it is sent; False where it was, and is not over since an hour. Raises StoreUnavailable.

        The item is written whole: an event that is over leaves nothing to the next one.
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
        """What was told of a provider is over, if anything was; raises StoreUnavailable."""
        try:
            self._table.update(
                keys.alert(tenant_id, name), "SET overAt = :now", {":now": now_s}, condition="attribute_exists(PK)"
            )
        except ConditionFailed:
            return

    def due(self, now_s: int) -> Iterator[tuple[str, str]]:
        """Yield tenant and name of all that is to be sent, the oldest of each shard first.

        Kinds that this version does not know are left to the version that does.
        """
        for shard in keys.alert_shards():
            values = {":shard": shard, ":now": now_s}
            for item in self._table.query("dueShard = :shard AND dueAt <= :now", values, index=keys.DUE_INDEX):
                if _form(item["SK"]):
                    yield item["PK"], item["SK"]

    def noted(self, tenant_id: str, name: str) -> NotedAlert | None:
        """Return the status of an alert, None if it was never noted. Raises StoreUnavailable."""
        item = self._table.get(keys.alert(tenant_id, name), consistent=True)
        if item is None:
            return None
        if "dueAt" in item:
            return NotedAlert(AlertStatus.DUE, None)
        status = STATUS_OF_OUTCOME.get(item["outcome"])
        # A newer version may close alerts with outcomes that this one does not know.
        return NotedAlert(status, item["closedAt"]) if status else None

    def lease(self, tenant_id: str, name: str, now_s: int) -> Leased | None:
        """None where somebody else has it, or it was told meanwhile; raises StoreUnavailable."""
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
            # By this very write, where its answer was lost and it was sent again.
            if taken.item is None or taken.item.get("lease") != lease:
                return None
            item = taken.item
        return Leased(tenant_id, lease, _content(item), item["content"])

    def release(self, leased: Leased) -> None:
        """It is still to be told, by the next run."""
        self._end(leased, "REMOVE lease, leasedUntil")

    def close(self, leased: Leased, outcome: str, now_s: int) -> None:
        """It is told, or never will be: `outcome` says which. Raises StoreUnavailable."""
        values = {":outcome": outcome, ":now": now_s}
        self._end(leased, "SET outcome = :outcome, closedAt = :now REMOVE dueShard, dueAt, lease, leasedUntil", values)

    def withdraw(self, leased: Leased) -> None:
        """Delete what was never true, unless it was noted once more since it was leased; raises StoreUnavailable."""
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
            # Ended by this very write, sent twice, or leased anew by another run once this lease had passed.
            return


def _form(name: str) -> type[Crossing | ProviderAlert] | None:
    """Return the model of an alert by its sort key; None for a kind that this version does not know."""
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
        raise LookupError("an alert of an unknown kind was leased")
    return form.model_validate(item["content"])
