"""Set up tenants with limits and alert addresses, and read the mails that were sent to them."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from typing import Any

from local.stack import SENDER, LocalStack
from nexus_ai.alerts.detector import AlertDetector
from nexus_ai.alerts.dispatcher import AlertDispatcher, MailSettings
from nexus_ai.alerts.store import AlertStore
from nexus_ai.aws.dynamodb import tables
from nexus_ai.aws.dynamodb.table import Item
from nexus_ai.limits.models import Amounts, Settlement
from nexus_ai.limits.service import LimitService
from nexus_ai.limits.store import LimitStore
from nexus_ai.platform.clock import Clock
from nexus_ai.settings.models import AlertSettings
from nexus_ai.settings.store import SettingsStore
from nexus_ai.usage.store import usage_store
from tests.integration.support.limit_calls import (
    MovedClock,
    caller_of,
    limits,
    reservation_request,
    service,
    set_limits,
)

# 18 November 2026, 10:00 in São Paulo, which is 13:00 UTC.
MORNING_S = 1_795_006_800


def address(tenant: str) -> str:
    return f"gerente@{tenant}.example"


def save_alert_settings(tenant: str, *thresholds: int) -> AlertSettings:
    """Save alert thresholds (80 % by default) and one address of a tenant."""
    settings = AlertSettings(thresholds=thresholds or (80,), emails=(address(tenant),))
    SettingsStore(tables.settings()).change_alerts(tenant, settings.model_dump())
    return settings


def alert_dispatcher(clock: Clock, *, off: bool = False) -> AlertDispatcher:
    return AlertDispatcher(
        clock=clock,
        alerts=AlertStore(tables.rate_limits()),
        limits=LimitStore(tables.rate_limits(), 100),
        tenants=SettingsStore(tables.settings()),
        usage=usage_store(),
        post=None if off else MailSettings(SENDER, "https://crm.example/ia"),
        default_time_zone="America/Sao_Paulo",
    )


def always() -> bool:
    return True


class AlertedTenant:
    """A tenant with limits and one alert address, whose calls reserve and settle at the clock's time."""

    def __init__(self, tenant: str, clock: MovedClock, *thresholds: int, **chosen: Any) -> None:
        """Save alert settings and limits.

        Args:
            tenant: Id of the tenant.
            clock: Clock of all calls.
            thresholds: Percentages that send an alert; 80 by default.
            chosen: Limits, named as the parameters of `limit_calls.limits`.
        """
        self.tenant = tenant
        self.clock = clock
        self.limits: LimitService = service(clock)
        self.alerts = save_alert_settings(tenant, *thresholds)
        self.detector = AlertDetector(AlertStore(tables.rate_limits()), clock)
        set_limits(self.limits, tenant, limits(**chosen))

    def begin(self, *, tokens: int = 0, cost_micros: int = 0) -> Settlement:
        """Reserve for a call, and return the settlement that charges all of the reservation."""
        wanted = reservation_request(tokens=tokens, cost_micros=cost_micros).model_copy(update={"watched": True})
        reservation = self.limits.reserve(caller_of(self.tenant), wanted)
        self.detector.check_levels(self.tenant, self.alerts, reservation.levels)
        return Settlement(reservation=reservation, used=reservation.amounts, watched=True)

    def end(self, settled: Settlement, used: Amounts | None = None) -> None:
        ended = settled.model_copy(update={"used": used}) if used else settled
        levels = self.limits.settle(self.tenant, ended)
        assert levels
        self.detector.check_levels(self.tenant, self.alerts, levels)

    def calls(self, number: int, *, tokens: int = 0, cost_micros: int = 0) -> None:
        for _ in range(number):
            self.end(self.begin(tokens=tokens, cost_micros=cost_micros))

    def due(self) -> list[str]:
        """Return the names of the alerts that are not dispatched yet."""
        return [item["SK"] for item in alert_items(self.tenant) if "dueAt" in item]


def alert_items(tenant: str) -> list[Item]:
    values = {":tenant": tenant, ":alert": "alert#"}
    return list(tables.rate_limits().query("PK = :tenant AND begins_with(SK, :alert)", values, consistent=True))


def mails(stack: LocalStack, tenant: str) -> list[EmailMessage]:
    """Return the mails that the tenant received, oldest first."""
    sent = [message for message in stack.aws.mails() if address(tenant) in message.destinations]
    return [message_from_bytes(message.raw_data.encode(), policy=policy) for message in sent]


def subjects(stack: LocalStack, tenant: str) -> list[str]:
    return [str(mail["Subject"]) for mail in mails(stack, tenant)]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part
    return str(part.get_content())
