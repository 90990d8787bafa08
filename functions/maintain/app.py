"""Run the scheduled jobs every five minutes: send alerts, reset limits, close abandoned requests, reconcile usage."""

from collections.abc import Mapping

from nexus_ai.platform.observability import request_keys
from nexus_ai.scheduled import RunContext, run


def handler(_event: Mapping[str, object], context: RunContext) -> None:
    with request_keys(route="maintain", lambda_request_id=context.aws_request_id):
        run(context)
