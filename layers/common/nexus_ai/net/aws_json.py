"""Call AWS services with a JSON protocol, DynamoDB and KMS, without botocore (net/README.md)."""

import time
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from random import SystemRandom
from typing import Any, cast

from pydantic_core import from_json, to_json

from nexus_ai.net import aws_settings
from nexus_ai.net.aws_transport import Request, Send, TransportError
from nexus_ai.net.concurrency import pause
from nexus_ai.net.signature import signed

TRIES = 3
# Errors of a request that had no effect and may succeed later. A transaction is cancelled if one of its items is being
# written, and a write conflicts with a transaction in progress on its item.
_NOT_EXECUTED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionCanceledException",
        "TransactionConflictException",
    }
)
# An earlier try whose response was lost is still executing. The same token makes both tries one transaction.
_IN_PROGRESS = "TransactionInProgressException"

_random = SystemRandom()


class ServiceError(Exception):
    """Error that an AWS service returned.

    Attributes:
        operation: The operation that was called.
        status: The HTTP status.
        body: The error document; empty if it could not be read.
        code: AWS's name of the error; empty if it could not be read.
        request_id: AWS's id of the request.
    """

    def __init__(
        self, operation: str, status: int, body: Mapping[str, Any] | None = None, request_id: str | None = None
    ) -> None:
        self.operation = operation
        self.status = status
        self.body = body or {}
        # Some services put a namespace before the name of the error.
        self.code = str(self.body.get("__type", "")).rpartition("#")[2]
        self.request_id = request_id
        super().__init__(f"{status} {self.code}: {self.body.get('message') or self.body.get('Message') or ''}")

    @property
    def log_fields(self) -> dict[str, Any]:
        """Return the fields of the error that may be logged."""
        return {
            "aws_operation": self.operation,
            "aws_code": self.code,
            "aws_request_id": self.request_id,
            "status": self.status,
        }

    def may_be_repeated(self, *, repeatable: bool) -> bool:
        """Return True if the request may be sent again.

        Args:
            repeatable: True if executing the request twice does no harm.
        """
        if self.code in _NOT_EXECUTED:
            return True
        # An error without a readable code may be any error.
        return repeatable and (self.status >= 500 or self.code in {"", _IN_PROGRESS})


class AwsJsonClient:
    """Client of one AWS service.

    Args:
        name: The service's name in its endpoint.
        target: The prefix of its operations in the X-Amz-Target header.
        content_type: The content type of its requests.
        pause_s: The longest random pause before the second try. It doubles before each further one.
        connect: Returns the function that sends signed requests to a URL.

    Raises:
        TransportError: No region is set.
    """

    def __init__(self, name: str, target: str, content_type: str, *, pause_s: float, connect: Callable[[str], Send]):
        self._name = name
        self._target = target
        self._content_type = content_type
        self._pause_s = pause_s
        self._region = aws_settings.region()
        self._url = aws_settings.endpoint(name, self._region)
        self.send = connect(self._url)

    def call(self, operation: str, members: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        """Call an operation, and retry it while that may help and there is time.

        Args:
            operation: The operation's name.
            members: The fields of its request.
            repeatable: False for a request that must not execute twice, such as an increment. It is retried only if it
                certainly did not execute.

        Raises:
            ServiceError: The service returned an error.
            TransportError: There was no usable response.
        """
        body = to_json(members)
        for number in range(1, TRIES):
            try:
                return self._exchange(operation, body)
            except ServiceError as error:
                if not (error.may_be_repeated(repeatable=repeatable) and self.pause(number)):
                    raise
            except TransportError as error:
                if (error.sent and not repeatable) or not self.pause(number):
                    raise
        return self._exchange(operation, body)

    def pause(self, number: int) -> bool:
        """Wait after the try of that number (AWS's "exponential backoff and jitter"); return False if time is up."""
        return pause(_random.uniform(0, self._pause_s * 2 ** (number - 1)))

    def _exchange(self, operation: str, body: bytes) -> dict[str, Any]:
        headers = signed(
            self._url,
            self._content_type,
            f"{self._target}.{operation}",
            body,
            keys=aws_settings.credentials(),
            service=self._name,
            region=self._region,
            at_s=time.time(),
        )
        try:
            response = self.send(Request(operation, headers, body))
        except TransportError as error:
            if error.status is not None and error.status >= 300:
                # The error status alone shows that the call failed, even if the response body was lost.
                raise ServiceError(operation, error.status, request_id=error.request_id) from error
            raise
        document = _document(response.body)
        if response.status >= 300:
            raise ServiceError(operation, response.status, document, response.request_id)
        if document is None:
            raise TransportError("not a JSON object", sent=True, status=response.status, request_id=response.request_id)
        return document


def _document(body: bytes) -> dict[str, Any] | None:
    """Return the body as a JSON object, or None if it is none."""
    try:
        document: Any = from_json(body.removeprefix(BOM_UTF8))
    except ValueError:
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None
