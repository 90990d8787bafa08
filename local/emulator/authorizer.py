"""What API Gateway does with a Lambda authorizer of the kind TOKEN: asks it, keeps its answer, and obeys its policy."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any, Final, cast

from local.emulator.functions import FunctionFailed, FunctionThrottled, FunctionTimedOut, Invocable, PayloadTooLarge

_KEPT: Final = 4096


class Refused(Exception):
    """`response` is the kind of gateway response that says so."""

    def __init__(self, response: str) -> None:
        super().__init__(response)
        self.response = response


class Authorizer:
    """An authorizer's answers, kept by token as API Gateway keeps them: one answer serves every route."""

    def __init__(self, function: Invocable, ttl_s: int) -> None:
        self._function = function
        self._ttl_s = ttl_s
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()

    def context(self, token: str | None, method_arn: str) -> dict[str, str]:
        """`requestContext.authorizer` for a caller who may pass; raises Refused for one who may not."""
        if not token:
            raise Refused("UNAUTHORIZED")
        answer = self._answer(token, method_arn)
        if not allows(answer["policyDocument"], method_arn):
            raise Refused("ACCESS_DENIED")
        context = {name: _text(value) for name, value in answer.get("context", {}).items()}
        return {**context, "principalId": str(answer["principalId"])}

    def _answer(self, token: str, method_arn: str) -> Mapping[str, Any]:
        with self._lock:
            kept = self._kept.get(token)
        if kept and kept[0] > time.monotonic():
            return kept[1]
        answer = self._ask(token, method_arn)
        with self._lock:
            self._kept[token] = (time.monotonic() + self._ttl_s, answer)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return answer

    def _ask(self, token: str, method_arn: str) -> Mapping[str, Any]:
        event = {"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn}
        try:
            answer = self._function.invoke(event)
        except FunctionFailed as error:
            # The one message that API Gateway knows; every other failure is the authorizer's own fault.
            raise Refused("UNAUTHORIZED" if str(error) == "Unauthorized" else "AUTHORIZER_FAILURE") from error
        except (FunctionTimedOut, PayloadTooLarge) as error:
            raise Refused("AUTHORIZER_FAILURE") from error
        except FunctionThrottled as error:
            raise Refused("AUTHORIZER_CONFIGURATION_ERROR") from error
        if not _well_formed(answer):
            raise Refused("AUTHORIZER_CONFIGURATION_ERROR")
        return cast("dict[str, Any]", answer)


def allows(policy: Mapping[str, Any], method_arn: str) -> bool:
    """Whether an IAM policy lets the caller invoke the method: some statement allows it and none denies it."""
    effects = {
        statement["Effect"]
        for statement in _list(policy["Statement"])
        if any(fnmatchcase("execute-api:Invoke", str(action)) for action in _list(statement["Action"]))
        and any(_matches(method_arn, str(resource)) for resource in _list(statement["Resource"]))
    }
    return effects == {"Allow"}


def _matches(arn: str, pattern: str) -> bool:
    """IAM knows * and ? alone; fnmatch's brackets are put out of action."""
    return fnmatchcase(arn, pattern.replace("[", "[[]"))


def _list(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list) else [value]


def _text(value: object) -> str:
    """Functions get every value of the context as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _well_formed(answer: Any) -> bool:
    if not isinstance(answer, dict):
        return False
    members = cast("dict[str, Any]", answer)
    if not isinstance(members.get("principalId"), str) or not isinstance(members.get("policyDocument"), dict):
        return False
    context = members.get("context", {})
    if not isinstance(context, dict):
        return False
    values = cast("dict[str, Any]", context).values()
    return all(isinstance(value, str | int | float) for value in values)
