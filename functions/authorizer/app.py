"""The authorizer of every route that is not public: a bearer token in, a policy and the caller out."""

from collections.abc import Mapping
from typing import Any

from nexus_ai.http.authorizer import authorize
from nexus_ai.http.event import LambdaContext
from nexus_ai.platform.observability import request_keys


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    with request_keys(route="authorizer", lambda_request_id=context.aws_request_id):
        return authorize(event)
