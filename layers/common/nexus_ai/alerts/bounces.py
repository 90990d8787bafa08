"""Bounces and complaints, as SES publishes them.

Their form: docs.aws.amazon.com/ses, "Contents of event data that Amazon SES publishes to Amazon SNS".

A bounce that is not permanent and a complaint that takes another one back stop nothing.
"""

from typing import Annotated, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from nexus_ai.aws.dynamodb import tables
from nexus_ai.aws.ses import TENANT_TAG
from nexus_ai.platform.observability import logger
from nexus_ai.settings.models import StoppedEmail, StopReason
from nexus_ai.settings.store import SettingsStore


class EventContext(Protocol):
    aws_request_id: str


class _Notice(BaseModel):
    """A part of what SES tells: it says more than is needed here, and may say yet more one day."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Recipient(_Notice):
    email_address: str = Field(max_length=320)


class _Mail(_Notice):
    tags: dict[str, list[str]]


class _Bounce(_Notice):
    bounce_type: str
    bounced_recipients: list[_Recipient]
    timestamp: AwareDatetime


class _Complaint(_Notice):
    complained_recipients: list[_Recipient]
    complaint_feedback_type: str | None = None
    timestamp: AwareDatetime


class _BounceEvent(_Notice):
    event_type: Literal["Bounce"]
    mail: _Mail
    bounce: _Bounce


class _ComplaintEvent(_Notice):
    event_type: Literal["Complaint"]
    mail: _Mail
    complaint: _Complaint


type _Event = Annotated[_BounceEvent | _ComplaintEvent, Field(discriminator="event_type")]
_EVENT: TypeAdapter[_BounceEvent | _ComplaintEvent] = TypeAdapter(_Event)


def handle_event(message: str) -> None:
    """Stops the addresses that the message tells of; raises StoreUnavailable, after which it may come again.

    What is not of the documented form is logged and left: it would be so however often it came.
    """
    try:
        event = _EVENT.validate_json(message)
    except ValidationError:
        logger().error("an event of SES is not of the documented form")
        return
    if isinstance(event, _BounceEvent):
        if event.bounce.bounce_type == "Permanent":
            _stop(event.mail, event.bounce.bounced_recipients, StopReason.BOUNCE, event.bounce.timestamp)
    elif event.complaint.complaint_feedback_type != "not-spam":
        _stop(event.mail, event.complaint.complained_recipients, StopReason.COMPLAINT, event.complaint.timestamp)


def _stop(mail: _Mail, recipients: list[_Recipient], reason: StopReason, at: AwareDatetime) -> None:
    """Only what the company itself has on its list: an event stops nobody else's mails."""
    store = SettingsStore(tables.settings())
    for tenant_id in mail.tags.get(TENANT_TAG, []):
        listed = {email.lower() for email in store.load(tenant_id).alerts.emails}
        for recipient in recipients:
            address = _bare(recipient.email_address).lower()
            if address not in listed:
                logger().warning("an event of SES names an address that is not listed", tenant_id=tenant_id)
                continue
            stopped = StoppedEmail(address=address, reason=reason, at_ms=int(at.timestamp() * 1000))
            store.stop_email(tenant_id, stopped)


def _bare(address: str) -> str:
    """Without a name before it, which some receivers write."""
    return address.rpartition("<")[2].rstrip("> ")
