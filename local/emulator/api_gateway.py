"""Emulate an API Gateway REST API with the routes, authorizer, CORS and gateway responses of template.yaml.

Functions receive the events that API Gateway sends to Lambda proxy integrations (payload format 1.0).
"""

import base64
import binascii
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl
from uuid import uuid4

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from local.emulator.authorizer import Authorizer, Refused
from local.emulator.functions import FunctionFailed, FunctionThrottled, FunctionTimedOut, Invocable, PayloadTooLarge
from local.emulator.routes import RestApi, Route
from local.emulator.server import RAW_HEADERS
from local.template import ACCOUNT_ID, Template

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# API Gateway's limit for the body of a request, in bytes.
BODY_LIMIT: Final = 10 * 1024 * 1024
_API_ID: Final = "local"
# Response headers that API Gateway renames, limited to those that our functions could send.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED: Final = {"www-authenticate": "x-amzn-Remapped-WWW-Authenticate"}


class Gateway:
    """WSGI application that routes requests to functions."""

    def __init__(self, template: Template, region: str, functions: Mapping[str, Invocable]) -> None:
        self._region = region
        self._functions = functions
        self._api = RestApi(template)
        self._authorizers: dict[str, Authorizer] = {
            name: Authorizer(function, self._api.authorizer_ttl_s) for name, function in functions.items()
        }

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        request_id = str(uuid4())
        if request.method == "OPTIONS" and self._api.has_resource(request.path):
            return Response("{}", headers=self._api.preflight(), mimetype="application/json")
        match = self._api.match(request.method, request.path)
        if match is None:
            return self._own("MISSING_AUTHENTICATION_TOKEN", request_id)
        route, parameters = match
        try:
            authorized = self._authorize(route, request)
            event = self._event(route, parameters, request, request_id, authorized)
            return _response(self._functions[route.function].invoke(event))
        except Refused as refusal:
            return self._own(refusal.response, request_id)
        except (_BodyTooLarge, PayloadTooLarge):
            return self._own("REQUEST_TOO_LARGE", request_id)
        except FunctionTimedOut:
            return self._own("INTEGRATION_TIMEOUT", request_id)
        except FunctionThrottled:
            return self._own("INTEGRATION_FAILURE", request_id)
        except (FunctionFailed, _MalformedResponse):
            return self._own("BAD_GATEWAY", request_id)

    def _own(self, kind: str, request_id: str) -> Response:
        status, headers, body = self._api.gateway_response(kind).of(request_id)
        return Response(body, status, headers)

    def _authorize(self, route: Route, request: Request) -> dict[str, str] | None:
        if route.authorizer is None:
            return None
        arn = f"arn:aws:execute-api:{self._region}:{ACCOUNT_ID}:{_API_ID}/{self._api.stage}/{route.method}"
        token = request.headers.get(self._api.identity_header)
        return self._authorizers[route.authorizer].context(token, f"{arn}{request.path}")

    def _event(
        self,
        route: Route,
        parameters: Mapping[str, str],
        request: Request,
        request_id: str,
        authorized: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        headers = _grouped(cast("list[tuple[str, str]]", request.environ[RAW_HEADERS]))
        query = _grouped(parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True))
        return {
            "resource": route.resource,
            "path": request.path,
            "httpMethod": route.method,
            "headers": _last(headers),
            "multiValueHeaders": headers or None,
            "queryStringParameters": _last(query),
            "multiValueQueryStringParameters": query or None,
            "pathParameters": dict(parameters) or None,
            "stageVariables": None,
            "requestContext": self._request_context(route, request, request_id, authorized),
            "body": _body(request),
            "isBase64Encoded": False,
        }

    def _request_context(
        self, route: Route, request: Request, request_id: str, authorized: Mapping[str, str] | None
    ) -> dict[str, Any]:
        now_ms = time.time_ns() // 1_000_000
        context: dict[str, Any] = {
            "accountId": ACCOUNT_ID,
            "apiId": _API_ID,
            "domainName": request.host,
            "domainPrefix": _API_ID,
            "extendedRequestId": request_id,
            "httpMethod": route.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "sourceIp": request.remote_addr,
                "user": None,
                "userAgent": request.headers.get("User-Agent"),
                "userArn": None,
            },
            "path": f"/{self._api.stage}{request.path}",
            "protocol": request.environ["SERVER_PROTOCOL"],
            "requestId": request_id,
            "requestTime": datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": now_ms,
            "resourceId": "local",
            "resourcePath": route.resource,
            "stage": self._api.stage,
        }
        return context if authorized is None else {**context, "authorizer": dict(authorized)}


class _BodyTooLarge(Exception):
    """Request body above API Gateway's limit."""


class _MalformedResponse(Exception):
    """Return value of a function that a Lambda proxy integration does not accept."""


def _body(request: Request) -> str | None:
    """Return the body as text, as API Gateway does for media types that are not binary; None if there is no body."""
    if request.content_length is not None and request.content_length > BODY_LIMIT:
        raise _BodyTooLarge
    request.max_content_length = BODY_LIMIT
    try:
        return request.get_data().decode("utf-8", errors="replace") or None
    except HTTPException as error:
        raise _BodyTooLarge from error


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _last(grouped: Mapping[str, list[str]]) -> dict[str, str] | None:
    return {name: values[-1] for name, values in grouped.items()} or None


def _response(returned: Any) -> Response:
    members = _mapping(returned)
    body = members.get("body") or ""
    if not isinstance(members.get("statusCode"), int) or not isinstance(body, str):
        raise _MalformedResponse
    headers = Headers()
    for name, value in _mapping(members.get("headers")).items():
        headers.set(_REMAPPED.get(name.lower(), name), _header(value))
    for name, values in _mapping(members.get("multiValueHeaders")).items():
        headers.setlist(_REMAPPED.get(name.lower(), name), [_header(value) for value in values])
    if "Content-Type" not in headers:
        headers.set("Content-Type", "application/json")
    return Response(_payload(body, encoded=members.get("isBase64Encoded") is True), members["statusCode"], headers)


def _mapping(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _MalformedResponse
    return cast("dict[str, Any]", value)


def _header(value: object) -> str:
    """Return a header value as text. API Gateway accepts text without line breaks, numbers and booleans."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str | int | float) or "\n" in text or "\r" in text:
        raise _MalformedResponse
    return text


def _payload(body: str, *, encoded: bool) -> bytes:
    if not encoded:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise _MalformedResponse from error
