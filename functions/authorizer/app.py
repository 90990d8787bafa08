"""Authorize requests: verify the bearer token and return a policy with the caller."""

from collections.abc import Mapping
from typing import Any

from nexus_ai.http.authorizer import authorize
from nexus_ai.http.event import LambdaContext
from nexus_ai.platform.observability import request_keys


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    with request_keys(route="authorizer", lambda_request_id=context.aws_request_id):
        return authorize(event)
