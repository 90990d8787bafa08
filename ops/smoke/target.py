"""The address of a deployment, from the outputs of its stack."""

from collections.abc import Callable
from typing import Any, cast

from ops.smoke.outcomes import Refused


def api_url(stack: str) -> str:
    """Return the output ApiUrl of a stack. Raises Refused."""
    import boto3  # noqa: PLC0415 (most of the time of a run at a URL)
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    client = cast("Callable[[str], Any]", boto3.client)  # pyright: ignore[reportUnknownMemberType]
    try:
        (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"the stack {stack} could not be described: {error}") from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}
    if "ApiUrl" not in outputs:
        raise Refused(f"the stack {stack} has no output ApiUrl: it is not deployed completely")
    return str(outputs["ApiUrl"])
