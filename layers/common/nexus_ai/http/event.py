"""Read API Gateway events of the REST API with Lambda proxy integration.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from nexus_ai.platform.caller import TENANT_PATTERN, USER_PATTERN, Caller, Role
from nexus_ai.platform.clock import Clock, Deadline, uuid7
from nexus_ai.platform.errors import Unauthenticated
from nexus_ai.platform.field_errors import field_error

# API Gateway ends a request this long after the request's timestamp, cold start included.
GATEWAY_WAITS_MS = 29_000
# Lambda's longest invocation. An older timestamp comes from an event that was replayed by hand.
INVOCATION_LIVES_MS = 900_000
# Allowed difference between the clocks of the issuer and of Lambda.
TOKEN_LEEWAY_S = 10

IDEMPOTENCY_KEY_MAX = 255
USER_AGENT_MAX = 512


class LambdaContext(Protocol):
    """Part of Lambda's context object that the handlers use."""

    aws_request_id: str
    function_name: str
    function_version: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the invocation."""
        ...


class GatewayEvent:
    """Request as API Gateway passes it to the function. Reading never fails; a missing value is None."""

    def __init__(self, event: Mapping[str, Any], clock: Clock) -> None:
        self._event = event
        self._context: Mapping[str, Any] = event.get("requestContext") or {}
        self._identity: Mapping[str, Any] = self._context.get("identity") or {}
        self._headers = _headers(event)
        now_ms = clock.now_ms()
        timestamp = self._context.get("requestTimeEpoch")
        is_recent = isinstance(timestamp, int) and 0 <= now_ms - timestamp <= INVOCATION_LIVES_MS
        self.started_at_ms: int = timestamp if isinstance(timestamp, int) and is_recent else now_ms
        self.request_id = uuid7(self.started_at_ms)

    @property
    def gateway_id(self) -> str | None:
        """Return API Gateway's id of the request, which its access log shows."""
        return _text(self._context.get("requestId"))

    @property
    def origin(self) -> str | None:
        """Return the Origin header."""
        return self._headers.get("origin")

    @property
    def body(self) -> str | None:
        """Return the raw body. `is_base64` says if it must be decoded."""
        return _text(self._event.get("body"))

    @property
    def is_base64(self) -> bool:
        """Return True if the body is base64-encoded."""
        return self._event.get("isBase64Encoded") is True

    @property
    def path_parameters(self) -> dict[str, list[str]]:
        """Return the path parameters. Each name has one value."""
        parameters: Mapping[str, str] = self._event.get("pathParameters") or {}
        return {name: [value] for name, value in parameters.items()}

    @property
    def query(self) -> dict[str, list[str]]:
        """Return all values of each query parameter, in their order."""
        multi_value: Mapping[str, list[str]] = self._event.get("multiValueQueryStringParameters") or {}
        single_value: Mapping[str, str] = self._event.get("queryStringParameters") or {}
        return {name: [value] for name, value in single_value.items()} | {
            name: list(values) for name, values in multi_value.items() if values
        }

    def caller(self, endpoint: str, context: LambdaContext, clock: Clock) -> Caller:
        """Return the caller. Tenant, user and roles come only from the context of the authorizer.

        Args:
            endpoint: The route, for logs and audit records.
            context: Lambda's context, which has the remaining time.
            clock: Source of the current time.

        Raises:
            Unauthenticated: The context names no valid tenant or user, or the token has expired.
            ValidationFailed: The Idempotency-Key header is malformed.
        """
        now_ms = clock.now_ms()
        authorizer: Mapping[str, Any] = self._context.get("authorizer") or {}
        tenant_id, user_id = _text(authorizer.get("tenantId")) or "", _text(authorizer.get("userId")) or ""
        if not re.fullmatch(TENANT_PATTERN, tenant_id) or not re.fullmatch(USER_PATTERN, user_id):
            raise Unauthenticated
        _require_unexpired(authorizer.get("exp"), now_ms)
        directives = _directives(self._headers.get("cache-control", ""))
        lambda_ends_ms = now_ms + context.get_remaining_time_in_millis()
        return Caller(
            tenant_id=tenant_id,
            user_id=user_id,
            roles=_roles(_text(authorizer.get("roles")) or ""),
            request_id=self.request_id,
            endpoint=endpoint,
            started_at_ms=self.started_at_ms,
            deadline=Deadline(min(lambda_ends_ms, self.started_at_ms + GATEWAY_WAITS_MS)),
            ip=_text(self._identity.get("sourceIp")),
            user_agent=self._user_agent(),
            idempotency_key=self._idempotency_key(),
            refresh_cache="no-cache" in directives,
            store_nothing="no-store" in directives,
        )

    def _user_agent(self) -> str | None:
        agent = _text(self._identity.get("userAgent")) or self._headers.get("user-agent")
        return agent.encode("ascii", "replace").decode()[:USER_AGENT_MAX] if agent else None

    def _idempotency_key(self) -> str | None:
        key = self._headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= IDEMPOTENCY_KEY_MAX or not all(" " <= character <= "~" for character in key):
            message = f"Must be 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters"
            raise field_error("Idempotency-Key", message, "header")
        return key


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Return headers by lower-case name. Repeated headers are joined by commas (RFC 9110, section 5.3)."""
    multi_value: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    single_value: Mapping[str, str] = event.get("headers") or {}
    return {name.lower(): value for name, value in single_value.items()} | {
        name.lower(): ", ".join(values) for name, values in multi_value.items()
    }


def _directives(cache_control: str) -> frozenset[str]:
    return frozenset(directive.strip().lower() for directive in cache_control.split(","))


def _roles(names: str) -> frozenset[Role]:
    """Return the known roles. Other modules' roles are ignored. An administrator is also a user."""
    roles = {Role(name) for name in names.split(",") if name in Role}
    return frozenset(roles | {Role.USER} if Role.ADMIN in roles else roles)


def _require_unexpired(exp: object, now_ms: int) -> None:
    """Raise Unauthenticated if the token has expired.

    API Gateway caches the result of the authorizer, so a token can expire while its result is still cached.
    """
    text = _text(exp)
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Unauthenticated
    if (int(text) + TOKEN_LEEWAY_S) * 1000 <= now_ms:
        raise Unauthenticated("The token has expired. Sign in again or send a new token.")
