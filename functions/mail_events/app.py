"""Handle bounces and complaints that SES reports: stop sending alerts to those addresses."""

from collections.abc import Mapping
from typing import Any

from nexus_ai.alerts.bounces import EventContext, handle_event
from nexus_ai.platform.observability import request_keys


def handler(event: Mapping[str, Any], context: EventContext) -> None:
    with request_keys(route="mail_events", lambda_request_id=context.aws_request_id):
        for record in event["Records"]:
            handle_event(record["Sns"]["Message"])
