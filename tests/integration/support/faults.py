"""Faults of AWS, injected beneath the clients: what is tested is the real client, with its own retries."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError

from nexus_ai.aws import clients
from nexus_ai.net.aws_transport import Request, Response, Send, TransportError
from tests.integration.support.aws_calls import on_their_way

type Fault = Callable[[Any], AWSResponse | None]

# Of the services whose operations are named in a header; those of SES are named by method and path.
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
    """While it lasts, every call of the operation whose body names the table meets the fault; they are listed."""
    met: list[str] = []
    with (
        _of_json(operation, table, happens, service, met)
        if service in JSON
        else _of_botocore(operation, happens, service, met)
    ):
        yield met


@contextmanager
def _of_json(operation: str, table: str, happens: Fault, service: str, met: list[str]) -> Generator[None]:
    def meet(request: Request, send: Send) -> Response:
        if request.operation != operation or table not in request.body.decode():
            return send(request)
        met.append(operation)
        try:
            answer = happens(request)
        except EndpointConnectionError:
            raise TransportError("injected", sent=False) from None
        return (
            send(request)
            if answer is None
            else Response(answer.status_code, answer.content, answer.headers["x-amzn-RequestId"])
        )

    with on_their_way(JSON[service](), meet):
        yield


@contextmanager
def _of_botocore(operation: str, happens: Fault, service: str, met: list[str]) -> Generator[None]:
    def handler(request: Any, **_: Any) -> AWSResponse | None:
        met.append(operation)
        answer = happens(request)
        if answer is not None:
            # botocore asks all handlers and takes the first answer: the embedded engine behind this one is given
            # something harmless to do, so that what fails has not happened.
            request.method = "GET"
        return answer

    makers: dict[str, Callable[[], Any]] = {"s3": clients.s3, "sesv2": clients.ses}
    client = makers[service]()
    name = f"before-send.{service}.{operation}"
    client.meta.events.register_first(name, handler)
    try:
        yield
    finally:
        client.meta.events.unregister(name, handler)
