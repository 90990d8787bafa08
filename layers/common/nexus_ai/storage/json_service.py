"""The services of AWS that speak JSON: DynamoDB and KMS, signed and sent without botocore.

botocore takes 2.3 ms of CPU for a call and a quarter of a second to be imported and to make its first client; a request
makes up to seven calls (docs/benchmarks.md).
"""

import time
from collections.abc import Callable, Mapping
from random import SystemRandom
from typing import Any, cast

from pydantic_core import from_json, to_json

from nexus_ai.core import parallel
from nexus_ai.storage import sdk_settings
from nexus_ai.storage.connections import NoAnswer, Request, Response, Send
from nexus_ai.storage.signature import signed

TRIES = 3
# What AWS says of a request that it has not carried out, and would later. A transaction is cancelled where one of its
# items is being written.
_NOT_CARRIED_OUT = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionCanceledException",
    }
)

_random = SystemRandom()


class ServiceError(Exception):
    """The service has refused a request; `body` is what it says."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.body = body
        # Some services name the class of an error with its namespace before it.
        self.code = str(body.get("__type", "")).rpartition("#")[2]
        super().__init__(f"{status} {self.code}: {body.get('message') or body.get('Message') or ''}")


class JsonService:
    """One service of AWS.

    `target` is before its operations' names. Between two tries there is a random pause of up to `pause_s`, doubled with
    each. `connect` gives what sends a signed request to a place; raises NoAnswer where no region is set.
    """

    def __init__(self, name: str, target: str, content_type: str, *, pause_s: float, connect: Callable[[str], Send]):
        self._name = name
        self._target = target
        self._content_type = content_type
        self._pause_s = pause_s
        self._region = sdk_settings.region()
        self._url = sdk_settings.endpoint(name, self._region)
        self.send = connect(self._url)

    def call(self, operation: str, members: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        """One call, tried again where that may help; raises ServiceError and NoAnswer.

        `repeatable` False is for what adds up: it is sent again only where it was certainly not carried out.
        """
        body = to_json(members)
        for number in range(1, TRIES):
            try:
                return self._exchange(operation, body)
            except ServiceError as error:
                if not (error.code in _NOT_CARRIED_OUT or (repeatable and error.status >= 500)):
                    raise
            except NoAnswer as error:
                if error.sent and not repeatable:
                    raise
            self.pause(number)
        return self._exchange(operation, body)

    def pause(self, number: int) -> None:
        """A while before the next try, behind the try of that number (AWS's "exponential backoff and jitter")."""
        parallel.pause(_random.uniform(0, self._pause_s * 2 ** (number - 1)))

    def _exchange(self, operation: str, body: bytes) -> dict[str, Any]:
        headers = signed(
            self._url,
            self._content_type,
            f"{self._target}.{operation}",
            body,
            keys=sdk_settings.keys(),
            service=self._name,
            region=self._region,
            at_s=time.time(),
        )
        answer = self.send(Request(operation, self._url, headers, body))
        told = _read(answer)
        if answer.status >= 300:
            raise ServiceError(answer.status, told or {})
        if told is None:
            raise NoAnswer(sent=True)
        return told


def _read(answer: Response) -> dict[str, Any] | None:
    """The object that the answer is; None where it is anything else."""
    try:
        told: Any = from_json(answer.body)
    except ValueError:
        return None
    return cast("dict[str, Any]", told) if isinstance(told, dict) else None
