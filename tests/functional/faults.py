"""Faults of AWS, injected beneath botocore's clients: what is tested is the real client, with its own retries."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError

from nexus_ai.storage import aws

type Fault = Callable[[Any], AWSResponse | None]

# Of the services whose operations are named in a header; those of SES are named by method and path.
HARMLESS = {"dynamodb": "DynamoDB_20120810.ListTables", "kms": "TrentService.ListKeys"}


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object) -> Generator[bytes]:
        yield self._content


def _response(request: Any, status: int, code: str) -> AWSResponse:
    content = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "injected"}).encode()
    headers = HTTPHeaders.from_dict({"x-amzn-RequestId": "injected", "Content-Type": "application/x-amz-json-1.0"})
    return AWSResponse(request.url, status, headers, _Body(content))


def throttled(request: Any) -> AWSResponse:
    return _response(request, 400, "ProvisionedThroughputExceededException")


def broken(request: Any) -> AWSResponse:
    return _response(request, 500, "InternalServerError")


def unreachable(request: Any) -> AWSResponse:
    raise EndpointConnectionError(endpoint_url=request.url)


@contextmanager
def fault(operation: str, table: str, happens: Fault, *, service: str = "dynamodb") -> Generator[list[str]]:
    """While it lasts, every call of the operation whose body names the table meets the fault; they are listed."""
    met: list[str] = []

    def handler(request: Any, **_: Any) -> AWSResponse | None:
        if table:
            body = request.body if isinstance(request.body, str) else (request.body or b"").decode()
            if table not in body:
                return None
        met.append(operation)
        answer = happens(request)
        if answer is not None:
            # botocore asks all handlers and takes the first answer: the embedded engine behind this one is given
            # something harmless to do, so that what fails has not happened.
            if service == "sesv2":
                request.method = "GET"
            else:
                request.headers["X-Amz-Target"] = HARMLESS[service]
        return answer

    clients: dict[str, Callable[[], Any]] = {
        "dynamodb": aws.dynamodb,
        "kms": aws.kms,
        "s3": aws.s3,
        "sesv2": aws.ses,
    }
    client = clients[service]()
    name = f"before-send.{service}.{operation}"
    client.meta.events.register_first(name, handler)
    try:
        yield met
    finally:
        client.meta.events.unregister(name, handler)
