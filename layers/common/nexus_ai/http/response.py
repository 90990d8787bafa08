"""Answers in the form that API Gateway's proxy integration takes."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from nexus_ai.platform.errors import NexusError

type Response = dict[str, Any]


def success(answer: BaseModel, headers: Mapping[str, str], status: int = 200) -> Response:
    body = answer.model_dump_json(by_alias=True)
    return {"statusCode": status, "headers": {"Content-Type": "application/json", **headers}, "body": body}


def problem(error: NexusError, request_id: str, headers: Mapping[str, str]) -> Response:
    """Return a problem document (RFC 9457). A replayed end keeps the id of the request that it ended.

    A 401 has no `WWW-Authenticate` here: API Gateway passes that header of a function on under another name. Its own
    401, which is that of every token but one that expired after it was verified, has it (template.yaml).
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
    own = {"Content-Type": "application/problem+json"}
    if error.retry_after is not None:
        own["Retry-After"] = str(max(1, error.retry_after))
    return {
        "statusCode": error.status,
        "headers": {**own, **headers},
        "body": json.dumps(document, default=_json_value),
    }


def common_headers(request_id: str, origin: str | None, allowed_origins: str) -> dict[str, str]:
    """What every answer carries; `allowed_origins` is `*` or a list with commas."""
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
    """Members of `extra` that JSON does not know: models, and dollars."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Decimal):
        return float(round(value, 6))
    raise TypeError(type(value).__name__)
