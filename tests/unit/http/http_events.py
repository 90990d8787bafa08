"""Events and contexts for handlers under test, and settings that need no deployment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[3] / "events"

SETTINGS = {
    "SETTINGS_TABLE": "settings",
    "RATE_LIMITS_TABLE": "rate-limits",
    "CACHE_TABLE": "cache",
    "USAGE_TABLE": "usage",
    "AUDIT_LOGS_TABLE": "audit-logs",
    "CONTENT_BUCKET": "content",
    "PROVIDER_KEYS_KEY_ID": "key",
    "TOKEN_ISSUER": "https://issuer.example",
    "TOKEN_AUDIENCE": "nexus-ai",
    "TOKEN_JWKS_URL": "http://127.0.0.1:9/jwks.json",
}


class Context:
    """Context that the Lambda runtime passes to a handler."""

    aws_request_id = "lambda-request"
    function_name = "nexus-ai-function"
    function_version = "7"

    def __init__(self, remaining_ms: int = 29_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


def read_event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def post(
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    authorizer: Mapping[str, Any] | None = None,
    raw: str | None = None,
    **context: Any,
) -> dict[str, Any]:
    """Return the stored event of a POST with changes.

    Args:
        body: JSON body.
        headers: Additional headers.
        authorizer: Changes of the authorizer's context.
        raw: Body as it is, instead of `body`.
        context: Changes of the request context.
    """
    event = read_event("generate_copy")
    event["body"] = json.dumps(body) if raw is None else raw
    event["headers"] |= headers or {}
    event["multiValueHeaders"] |= {name: [value] for name, value in (headers or {}).items()}
    event["requestContext"]["authorizer"] |= authorizer or {}
    event["requestContext"] |= context
    return event
