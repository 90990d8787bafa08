"""Functions of the deployment that work on their own: called, and not waited for."""

import json
from collections.abc import Mapping

from nexus_ai.aws import clients
from nexus_ai.platform.errors import JobsUnavailable


def invoke_later(function: str, event: Mapping[str, str]) -> None:
    """Hands the event over; Lambda tries the function up to three times. `function` is its name or ARN."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (comes with the client, on first use)

    try:
        clients.lambda_().invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode())
    except (ClientError, BotoCoreError) as error:
        raise JobsUnavailable from error
