"""Build responses in the form of API Gateway's proxy integration."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from nexus_ai.platform.errors import NexusError

type Response = dict[str, Any]


def success(model: BaseModel, headers: Mapping[str, str], status: int = 200) -> Response:
    """Return a response with the model as JSON."""
    body = model.model_dump_json(by_alias=True)
    return {"statusCode": status, "headers": {"Content-Type": "application/json", **headers}, "body": body}


def problem(error: NexusError, request_id: str, headers: Mapping[str, str]) -> Response:
    """Return a problem document (RFC 9457). A replayed error keeps the id of the request that caused it.

    A 401 from here has no `WWW-Authenticate`, because API Gateway renames that header when a function sets it. Only a
    token that expires after its verification gets this 401. Every other invalid token gets that of API Gateway, which
    has the header (template.yaml).
    """
    document = {
        **error.extra,
        "type": f"urn:nexus-ai:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "requestId": error.request_id or request_id,
    }
    problem_headers = {"Content-Type": "application/problem+json"}
    if error.retry_after is not None:
        problem_headers["Retry-After"] = str(max(1, error.retry_after))
    return {
        "statusCode": error.status,
        "headers": {**problem_headers, **headers},
        "body": json.dumps(document, default=_json_value),
    }


def common_headers(request_id: str, origin: str | None, allowed_origins: str) -> dict[str, str]:
    """Return the headers that every response has.

    Args:
        request_id: Id of the request.
        origin: The request's Origin header.
        allowed_origins: `*`, or a comma-separated list of origins.
    """
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        "Access-Control-Expose-Headers": "X-Request-Id, Retry-After",
    }
    if allowed_origins == "*":
        return {**headers, "Access-Control-Allow-Origin": "*"}
    headers["Vary"] = "Origin"
    if origin is not None and origin in (allowed.strip() for allowed in allowed_origins.split(",")):
        headers["Access-Control-Allow-Origin"] = origin
    return headers


def _json_value(value: object) -> Any:
    """Convert values of `extra` that JSON does not support: models and dollar amounts."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Decimal):
        return float(round(value, 6))
    raise TypeError(type(value).__name__)
