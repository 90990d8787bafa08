"""Checks every part that the service stands on. No route leads here: IAM decides which operators may invoke it."""

from collections.abc import Mapping
from typing import Any

from nexus_ai.administration import health
from nexus_ai.core.observability import request_keys
from nexus_ai.http.event import LambdaContext


def handler(_event: Mapping[str, object], context: LambdaContext) -> dict[str, Any]:
    with request_keys(route="check_health", lambda_request_id=context.aws_request_id):
        return health.check().model_dump(mode="json", by_alias=True)
