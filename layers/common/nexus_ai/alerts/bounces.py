"""Stop e-mails to addresses for which SES reports a bounce or a complaint.

The format of the events: docs.aws.amazon.com/ses, "Contents of event data that Amazon SES publishes to Amazon SNS".

Temporary bounces and complaints of the type `not-spam` are ignored.
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
    """Context of a Lambda invocation, as far as it is used."""

    aws_request_id: str


class _Notice(BaseModel):
    """Part of an SES event. Fields that are not needed here are ignored."""

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
    """Stop e-mails to the addresses of an SES event.

    An event in another than the documented format is logged and ignored, because repeating it would not help.

    Raises:
        StoreUnavailable: The store cannot be reached. The same event can be handled again.
    """
    try:
        event = _EVENT.validate_json(message)
    except ValidationError:
        logger().error("an SES event does not have the documented format")
        return
    if isinstance(event, _BounceEvent):
        if event.bounce.bounce_type == "Permanent":
            _stop(event.mail, event.bounce.bounced_recipients, StopReason.BOUNCE, event.bounce.timestamp)
    elif event.complaint.complaint_feedback_type != "not-spam":
        _stop(event.mail, event.complaint.complained_recipients, StopReason.COMPLAINT, event.complaint.timestamp)


def _stop(mail: _Mail, recipients: list[_Recipient], reason: StopReason, at: AwareDatetime) -> None:
    """Stop addresses that are on the tenant's own list, so that an event cannot affect another tenant."""
    store = SettingsStore(tables.settings())
    for tenant_id in mail.tags.get(TENANT_TAG, []):
        listed = {email.lower() for email in store.load(tenant_id).alerts.emails}
        for recipient in recipients:
            address = _without_display_name(recipient.email_address).lower()
            if address not in listed:
                logger().warning("an SES event has an address that is not on the tenant's list", tenant_id=tenant_id)
                continue
            stopped = StoppedEmail(address=address, reason=reason, at_ms=int(at.timestamp() * 1000))
            store.stop_email(tenant_id, stopped)


def _without_display_name(address: str) -> str:
    """Return an address without the display name that some receivers put before it."""
    return address.rpartition("<")[2].rstrip("> ")
