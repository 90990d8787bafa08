"""Invoke other Lambda functions of the deployment asynchronously."""

import json
from collections.abc import Mapping

from nexus_ai.aws import clients
from nexus_ai.platform.errors import JobsUnavailable


def invoke_later(function: str, event: Mapping[str, str]) -> None:
    """Queue an asynchronous invocation. Lambda tries it up to three times.

    Args:
        function: Name or ARN of the function.
        event: The payload.

    Raises:
        JobsUnavailable: Lambda did not accept the invocation.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (imported with the client, on first use)

    try:
        clients.lambda_().invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode())
    except (ClientError, BotoCoreError) as error:
        raise JobsUnavailable from error
