"""Mails, handed to SES whole."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus_ai.aws import clients
from nexus_ai.platform.settings import get_settings

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import SendEmailRequestTypeDef

# By this name SES tells whose mail a bounce or a complaint belongs to.
TENANT_TAG = "tenant"


class MailNotSent(Exception):
    """SES did not say that it took the mail."""


def send(message: bytes, *, sender: str, recipients: Sequence[str], tenant_id: str) -> None:
    """Hands a raw message over, once; raises MailNotSent. Where only the answer was lost it went out all the same."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (comes with the client, on first use)

    request: SendEmailRequestTypeDef = {
        "FromEmailAddress": sender,
        "Destination": {"ToAddresses": list(recipients)},
        "Content": {"Raw": {"Data": message}},
        "EmailTags": [{"Name": TENANT_TAG, "Value": tenant_id}],
    }
    configuration_set = get_settings().mail_configuration_set
    if configuration_set:
        request["ConfigurationSetName"] = configuration_set
    try:
        clients.ses().send_email(**request)
    except (ClientError, BotoCoreError) as error:
        raise MailNotSent("the mail was not taken") from error
