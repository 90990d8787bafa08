"""Turn functions into Lambda handlers for API Gateway.

It does once what all routes share: caller, parameters, body, errors, headers, and one log line per request.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, overload

from pydantic import BaseModel

from nexus_ai.http import snapshot
from nexus_ai.http.body import parse
from nexus_ai.http.event import GatewayEvent, LambdaContext
from nexus_ai.http.parameters import parse_parameters
from nexus_ai.http.response import Response, common_headers, problem, success
from nexus_ai.net.concurrency import deadline
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.errors import InternalError, NexusError
from nexus_ai.platform.observability import Unit, add_keys, logger, metrics, request_keys
from nexus_ai.platform.schema import ParameterModel, RequestModel
from nexus_ai.platform.settings import get_settings

# Time that AWS calls leave for the response, so that an error is returned before Lambda times out.
RESPONSE_RESERVE_S = 0.5

# 502 is a failure of the providers. Another version of this service would not prevent it.
SERVER_FAULTS = {500, 503}


@dataclass(frozen=True, slots=True)
class Operation:
    """Description of a route, from which the OpenAPI document is built.

    `role` None means that the route is public. The return type of `function` is the model of the response, and `status`
    is its HTTP status.
    """

    route: str
    role: Role | None
    path: type[ParameterModel] | None
    query: type[ParameterModel] | None
    body: type[RequestModel] | None
    function: Callable[..., BaseModel]
    status: int = 200


class Handler:
    """Lambda handler for API Gateway's proxy integration."""

    def __init__(self, operation: Operation, call: Callable[[GatewayEvent, LambdaContext], BaseModel]) -> None:
        self.operation = operation
        self._call = call

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> Response:
        """Return the response to an event, and log the request. An error becomes a problem document."""
        clock = SystemClock()
        request = GatewayEvent(event, clock)
        with request_keys(
            route=self.operation.route,
            request_id=request.request_id,
            gateway_request_id=request.gateway_id,
            lambda_request_id=context.aws_request_id,
        ):
            response, code = _respond(request, context, self._call, self.operation.status)
            status, latency_ms = response["statusCode"], clock.now_ms() - request.started_at_ms
            logger().info("request", status=status, code=code, latency_ms=latency_ms)
            if status in SERVER_FAULTS:
                # The deployment alarm watches only the new version, so the metric has the version as a dimension.
                dimensions = {"function": context.function_name, "version": context.function_version}
                metrics({"ServerErrors": (1, Unit.COUNT)}, dimensions=dimensions, attributes={"code": code})
            return response


@overload
def endpoint(route: str, *, role: Role = Role.USER) -> Callable[[Callable[[Caller], BaseModel]], Handler]: ...


@overload
def endpoint[Body: RequestModel](
    route: str, *, body: type[Body], role: Role = Role.USER, status: int = 200
) -> Callable[[Callable[[Caller, Body], BaseModel]], Handler]: ...


@overload
def endpoint[Query: ParameterModel](
    route: str, *, query: type[Query], role: Role = Role.USER, status: int = 200
) -> Callable[[Callable[[Caller, Query], BaseModel]], Handler]: ...


@overload
def endpoint[Path: ParameterModel](
    route: str, *, path: type[Path], role: Role = Role.USER
) -> Callable[[Callable[[Caller, Path], BaseModel]], Handler]: ...


@overload
def endpoint[Path: ParameterModel, Body: RequestModel](
    route: str, *, path: type[Path], body: type[Body], role: Role = Role.USER
) -> Callable[[Callable[[Caller, Path, Body], BaseModel]], Handler]: ...


def endpoint(
    route: str,
    *,
    path: type[ParameterModel] | None = None,
    query: type[ParameterModel] | None = None,
    body: type[RequestModel] | None = None,
    role: Role = Role.USER,
    status: int = 200,
) -> Callable[[Callable[..., BaseModel]], Handler]:
    """Make a handler of a function, for callers with `role`.

    The function takes the caller, then the path parameters, the query and the body, in this order. It takes only those
    that the route has a model for.

    Args:
        route: Method and path, such as `GET /api/health`.
        path: Model of the path parameters.
        query: Model of the query.
        body: Model of the body.
        role: Role that a caller needs.
        status: HTTP status of the response: 202 if work continues after it.

    Returns:
        A decorator for the function.
    """

    def arguments(event: GatewayEvent) -> Iterator[BaseModel]:
        if path is not None:
            yield parse_parameters(event.path_parameters, path)
        if query is not None:
            yield parse_parameters(event.query, query)
        if body is not None:
            yield parse(event.body, body, is_base64=event.is_base64)

    def decorate(function: Callable[..., BaseModel]) -> Handler:
        snapshot.register()

        def call(event: GatewayEvent, context: LambdaContext) -> BaseModel:
            caller = event.caller(route, context, SystemClock())
            add_keys(tenant_id=caller.tenant_id)
            caller.require(role)
            return function(caller, *arguments(event))

        return Handler(Operation(route, role, path, query, body, function, status), call)

    return decorate


def public_endpoint[Query: ParameterModel](
    route: str, *, query: type[Query]
) -> Callable[[Callable[[Query], BaseModel]], Handler]:
    """Make a handler of a function that takes the query. The route needs no token."""

    def decorate(function: Callable[[Query], BaseModel]) -> Handler:
        operation = Operation(route, None, None, query, None, function)
        return Handler(operation, lambda event, _context: function(parse_parameters(event.query, query)))

    return decorate


def _respond(
    request: GatewayEvent,
    context: LambdaContext,
    call: Callable[[GatewayEvent, LambdaContext], BaseModel],
    status: int,
) -> tuple[Response, str]:
    """Return the response, and the code of the result for the log."""
    headers = common_headers(request.request_id, request.origin, get_settings().cors_origins)
    try:
        with deadline(context.get_remaining_time_in_millis() / 1000 - RESPONSE_RESERVE_S):
            return success(call(request, context), headers, status), "ok"
    except NexusError as error:
        if error.status >= 500:
            logger().exception("failed", code=error.code)
        return problem(error, request.request_id, headers), error.code
    except Exception:  # noqa: BLE001  (last resort: log the whole error and return none of it)
        logger().exception("unexpected error", code=InternalError.code)
        return problem(InternalError(), request.request_id, headers), InternalError.code
