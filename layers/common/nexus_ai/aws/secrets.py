"""Secrets of the deployment, in Secrets Manager."""

from nexus_ai.aws import clients


class SecretUnreadable(Exception):
    """The secret cannot be read, or is no text."""


def secret_text(arn: str) -> str:
    """The current version of a secret."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (comes with the client, on first use)

    try:
        found = clients.secrets_manager().get_secret_value(SecretId=arn)
    except (ClientError, BotoCoreError) as error:
        raise SecretUnreadable from error
    if "SecretString" not in found:
        raise SecretUnreadable
    return found["SecretString"]
