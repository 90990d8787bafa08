"""Check every service that Nexus AI depends on. It has no route; IAM decides which operators may invoke it."""

from collections.abc import Mapping
from typing import Any

from nexus_ai import health
from nexus_ai.http.event import LambdaContext
from nexus_ai.platform.observability import request_keys


def handler(_event: Mapping[str, object], context: LambdaContext) -> dict[str, Any]:
    with request_keys(route="check_health", lambda_request_id=context.aws_request_id):
        return health.check_all().model_dump(mode="json", by_alias=True)
