"""Inject faults of AWS below the real clients, so that their retries are tested too."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError

from nexus_ai.aws import clients
from nexus_ai.net.aws_transport import Request, Response, Send, TransportError
from tests.integration.support.aws_calls import intercepted_calls

type Fault = Callable[[Any], AWSResponse | None]

# These services name the operation in a header. S3 and SES name it by method and path.
JSON = {"dynamodb": clients.dynamodb, "kms": clients.kms}

INJECTED = "https://injected.example"


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object) -> Generator[bytes]:
        yield self._content


def _response(status: int, code: str) -> AWSResponse:
    content = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "injected"}).encode()
    headers = HTTPHeaders.from_dict({"x-amzn-RequestId": "injected", "Content-Type": "application/x-amz-json-1.0"})
    return AWSResponse(INJECTED, status, headers, _Body(content))


def throttled(request: Any) -> AWSResponse:
    return _response(400, "ProvisionedThroughputExceededException")


def broken(request: Any) -> AWSResponse:
    return _response(500, "InternalServerError")


def unreachable(request: Any) -> AWSResponse:
    raise EndpointConnectionError(endpoint_url=INJECTED)


@contextmanager
def fault(operation: str, table: str, happens: Fault, *, service: str = "dynamodb") -> Generator[list[str]]:
    """Inject a fault into each call of an operation whose body contains a text.

    Args:
        operation: AWS's name of the operation.
        table: Text that the body must contain, usually a table's name; ignored for S3 and SES.
        happens: The fault. If it returns None, the call is sent.
        service: Name of the AWS service.

    Yields:
        The operations of the calls that were intercepted so far.
    """
    met: list[str] = []
    with (
        _of_json(operation, table, happens, service, met)
        if service in JSON
        else _of_botocore(operation, happens, service, met)
    ):
        yield met


@contextmanager
def _of_json(operation: str, table: str, happens: Fault, service: str, met: list[str]) -> Generator[None]:
    def intercept(request: Request, send: Send) -> Response:
        if request.operation != operation or table not in request.body.decode():
            return send(request)
        met.append(operation)
        try:
            response = happens(request)
        except EndpointConnectionError:
            raise TransportError("injected", sent=False) from None
        return (
            send(request)
            if response is None
            else Response(response.status_code, response.content, response.headers["x-amzn-RequestId"])
        )

    with intercepted_calls(JSON[service](), intercept):
        yield


@contextmanager
def _of_botocore(operation: str, happens: Fault, service: str, met: list[str]) -> Generator[None]:
    def handler(request: Any, **_: Any) -> AWSResponse | None:
        met.append(operation)
        response = happens(request)
        if response is not None:
            # botocore calls all handlers and takes the first response. The embedded engine is called after this
            # handler, so the method becomes GET: the failed call then has no effect.
            request.method = "GET"
        return response

    makers: dict[str, Callable[[], Any]] = {"s3": clients.s3, "sesv2": clients.ses}
    client = makers[service]()
    name = f"before-send.{service}.{operation}"
    client.meta.events.register_first(name, handler)
    try:
        yield
    finally:
        client.meta.events.unregister(name, handler)
