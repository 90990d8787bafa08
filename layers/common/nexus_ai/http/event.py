"""What a function reads from an event of API Gateway (REST API, Lambda proxy integration).

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from nexus_ai.platform.caller import TENANT_PATTERN, USER_PATTERN, Caller, Role
from nexus_ai.platform.clock import Clock, Deadline, uuid7
from nexus_ai.platform.errors import Unauthenticated, ValidationFailed

# API Gateway gives up this long after a request's own time stamp, cold start included.
GATEWAY_WAITS_MS = 29_000
# No invocation lives longer (Lambda's own bound), so that an older time stamp is that of an event replayed by hand.
INVOCATION_LIVES_MS = 900_000
# Clocks of the issuer and of ours may differ by so much.
TOKEN_LEEWAY_S = 10

IDEMPOTENCY_KEY_MAX = 255
USER_AGENT_MAX = 512


class LambdaContext(Protocol):
    aws_request_id: str
    function_name: str
    function_version: str

    def get_remaining_time_in_millis(self) -> int: ...


class GatewayEvent:
    """One request as API Gateway handed it over. Reading it never fails; what is missing is None."""

    def __init__(self, event: Mapping[str, Any], clock: Clock) -> None:
        self._event = event
        self._context: Mapping[str, Any] = event.get("requestContext") or {}
        self._identity: Mapping[str, Any] = self._context.get("identity") or {}
        self._headers = _headers(event)
        now_ms = clock.now_ms()
        stamp = self._context.get("requestTimeEpoch")
        trusted = isinstance(stamp, int) and 0 <= now_ms - stamp <= INVOCATION_LIVES_MS
        self.started_at_ms: int = stamp if isinstance(stamp, int) and trusted else now_ms
        self.request_id = uuid7(self.started_at_ms)

    @property
    def gateway_id(self) -> str | None:
        """API Gateway's own id of the request, as in its access log."""
        return _text(self._context.get("requestId"))

    @property
    def origin(self) -> str | None:
        return self._headers.get("origin")

    @property
    def body(self) -> str | None:
        """As it came: `is_base64` says whether it has to be decoded."""
        return _text(self._event.get("body"))

    @property
    def is_base64(self) -> bool:
        return self._event.get("isBase64Encoded") is True

    @property
    def path_parameters(self) -> dict[str, list[str]]:
        given: Mapping[str, str] = self._event.get("pathParameters") or {}
        return {name: [value] for name, value in given.items()}

    @property
    def query(self) -> dict[str, list[str]]:
        """By name, all values in their order."""
        several: Mapping[str, list[str]] = self._event.get("multiValueQueryStringParameters") or {}
        single: Mapping[str, str] = self._event.get("queryStringParameters") or {}
        return {name: [value] for name, value in single.items()} | {
            name: list(values) for name, values in several.items() if values
        }

    def caller(self, endpoint: str, context: LambdaContext, clock: Clock) -> Caller:
        """Who calls, from the authorizer's context alone; raises Unauthenticated and ValidationFailed."""
        now_ms = clock.now_ms()
        authorizer: Mapping[str, Any] = self._context.get("authorizer") or {}
        tenant_id, user_id = _text(authorizer.get("tenantId")) or "", _text(authorizer.get("userId")) or ""
        if not re.fullmatch(TENANT_PATTERN, tenant_id) or not re.fullmatch(USER_PATTERN, user_id):
            raise Unauthenticated
        _refuse_expired(authorizer.get("exp"), now_ms)
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
            message = f"This header takes 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters"
            error = {"field": "Idempotency-Key", "message": message, "type": "header"}
            raise ValidationFailed(f"Idempotency-Key: {message}", extra={"errors": [error]})
        return key


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """By lower-case name; several of one name are one list, as RFC 9110 reads them (section 5.3)."""
    several: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    single: Mapping[str, str] = event.get("headers") or {}
    return {name.lower(): value for name, value in single.items()} | {
        name.lower(): ", ".join(values) for name, values in several.items()
    }


def _directives(cache_control: str) -> frozenset[str]:
    return frozenset(directive.strip().lower() for directive in cache_control.split(","))


def _roles(names: str) -> frozenset[Role]:
    """Roles that we do not know are the business of other modules. Who may administer may also use."""
    roles = {Role(name) for name in names.split(",") if name in Role}
    return frozenset(roles | {Role.USER} if Role.ADMIN in roles else roles)


def _refuse_expired(exp: object, now_ms: int) -> None:
    """API Gateway keeps the authorizer's answer for a while, so that a token can end inside that time."""
    text = _text(exp)
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Unauthenticated
    if (int(text) + TOKEN_LEEWAY_S) * 1000 <= now_ms:
        raise Unauthenticated("The token has expired.")
