"""Read the deployment's secrets from Secrets Manager."""

from nexus_ai.aws import clients


class SecretUnreadable(Exception):
    """Secret that cannot be read or is not text."""


def secret_text(arn: str) -> str:
    """Return the current version of a secret.

    Raises:
        SecretUnreadable: Secrets Manager did not return it, or it is not text.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (imported with the client, on first use)

    try:
        response = clients.secrets_manager().get_secret_value(SecretId=arn)
    except (ClientError, BotoCoreError) as error:
        raise SecretUnreadable from error
    if "SecretString" not in response:
        raise SecretUnreadable
    return response["SecretString"]
