"""Send e-mails as raw messages through SES."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus_ai.aws import clients
from nexus_ai.platform.settings import get_settings

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import SendEmailRequestTypeDef

# SES returns this tag with bounces and complaints, so that they can be assigned to a tenant.
TENANT_TAG = "tenant"


class MailNotSent(Exception):
    """E-mail for which SES did not confirm that it accepted the message."""


def send(message: bytes, *, sender: str, recipients: Sequence[str], tenant_id: str) -> None:
    """Send a raw message. The call is not repeated.

    Raises:
        MailNotSent: SES did not confirm the message. It may still be delivered if only the response was lost.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (imported with the client, on first use)

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
        raise MailNotSent("SES did not accept the e-mail") from error
