"""What a test sees of, and does to, the calls of DynamoDB and KMS on their way."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from nexus_ai.aws import clients
from nexus_ai.net.aws_json import AwsJsonClient
from nexus_ai.net.aws_transport import Request, Response, Send


@contextmanager
def on_their_way(service: AwsJsonClient, meet: Callable[[Request, Send], Response]) -> Generator[None]:
    """While it lasts, `meet` is given every request that is ready to leave, and what sends it on."""
    send = service.send

    def meet_first(request: Request) -> Response:
        return meet(request, send)

    service.send = meet_first
    try:
        yield
    finally:
        service.send = send


def scan(table: str) -> Iterator[dict[str, Any]]:
    """All items of a table, in DynamoDB's own types."""
    asked: dict[str, Any] = {"TableName": table}
    while True:
        page = clients.dynamodb().call("Scan", asked)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]
