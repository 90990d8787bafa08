"""Intercept the calls of DynamoDB and KMS before they are sent, and scan tables."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from nexus_ai.aws import clients
from nexus_ai.net.aws_json import AwsJsonClient
from nexus_ai.net.aws_transport import Request, Response, Send


@contextmanager
def intercepted_calls(service: AwsJsonClient, intercept: Callable[[Request, Send], Response]) -> Generator[None]:
    """Pass each request of a service to `intercept`, with the function that sends it."""
    send = service.send

    def intercept_first(request: Request) -> Response:
        return intercept(request, send)

    service.send = intercept_first
    try:
        yield
    finally:
        service.send = send


def scan(table: str) -> Iterator[dict[str, Any]]:
    """Yield all items of a table, in DynamoDB's own types."""
    query: dict[str, Any] = {"TableName": table}
    while True:
        page = clients.dynamodb().call("Scan", query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
