"""The decorator that makes a Lambda handler of a function from a caller and a body to an answer.

What every route shares is here, once: the caller, the body, errors, headers and the one log line of a request.
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

# What a wait for AWS leaves of the function's time, so that its error is returned and no time-out of Lambda's.
RESPONSE_S = 0.5

# 502 is left out: it is a provider's failure, which no other version of ours would prevent.
FAULTS_OF_OURS = {500, 503}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route takes, for its description: `role` None is public. `function` has the type of its answer, which
    comes with `status`."""

    route: str
    role: Role | None
    path: type[ParameterModel] | None
    query: type[ParameterModel] | None
    body: type[RequestModel] | None
    function: Callable[..., BaseModel]
    status: int = 200


class Handler:
    """A Lambda handler of API Gateway's proxy integration."""

    def __init__(self, operation: Operation, answer: Callable[[GatewayEvent, LambdaContext], BaseModel]) -> None:
        self.operation = operation
        self._answer = answer

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> Response:
        clock = SystemClock()
        request = GatewayEvent(event, clock)
        with request_keys(
            route=self.operation.route,
            request_id=request.request_id,
            gateway_request_id=request.gateway_id,
            lambda_request_id=context.aws_request_id,
        ):
            response, code = _answer(request, context, self._answer, self.operation.status)
            status, latency_ms = response["statusCode"], clock.now_ms() - request.started_at_ms
            logger().info("request", status=status, code=code, latency_ms=latency_ms)
            if status in FAULTS_OF_OURS:
                # By version: the alarm that can stop a deployment looks at the new one alone.
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
    """A route for callers with `role`.

    Its function takes the caller, and behind it, in this order, the path's parameters, the query and the body, each
    where there is a model of it. `status` is that of its answers: 202 where there is more to do behind them.
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

        def answer(event: GatewayEvent, context: LambdaContext) -> BaseModel:
            caller = event.caller(route, context, SystemClock())
            add_keys(tenant_id=caller.tenant_id)
            caller.require(role)
            return function(caller, *arguments(event))

        return Handler(Operation(route, role, path, query, body, function, status), answer)

    return decorate


def public_endpoint[Query: ParameterModel](
    route: str, *, query: type[Query]
) -> Callable[[Callable[[Query], BaseModel]], Handler]:
    """A route that anybody may call; its function takes the query."""

    def decorate(function: Callable[[Query], BaseModel]) -> Handler:
        operation = Operation(route, None, None, query, None, function)
        return Handler(operation, lambda event, _context: function(parse_parameters(event.query, query)))

    return decorate


def _answer(
    request: GatewayEvent,
    context: LambdaContext,
    answer: Callable[[GatewayEvent, LambdaContext], BaseModel],
    status: int,
) -> tuple[Response, str]:
    """The response, and the code of its end for the log."""
    headers = common_headers(request.request_id, request.origin, get_settings().cors_origins)
    try:
        with deadline(context.get_remaining_time_in_millis() / 1000 - RESPONSE_S):
            return success(answer(request, context), headers, status), "ok"
    except NexusError as error:
        if error.status >= 500:
            logger().exception("failed", code=error.code)
        return problem(error, request.request_id, headers), error.code
    except Exception:  # noqa: BLE001  (the last line of defence; logged whole, answered without a word)
        logger().exception("unexpected error", code=InternalError.code)
        return problem(InternalError(), request.request_id, headers), InternalError.code
