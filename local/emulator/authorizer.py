"""Emulate API Gateway's Lambda TOKEN authorizer: call the function, cache its response and apply its policy."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any, Final, cast

from local.emulator.functions import FunctionFailed, FunctionThrottled, FunctionTimedOut, Invocable, PayloadTooLarge

_MAX_CACHED: Final = 4096


class Refused(Exception):
    """Rejected request. `response` is the kind of gateway response to return."""

    def __init__(self, response: str) -> None:
        super().__init__(response)
        self.response = response


class Authorizer:
    """Responses of an authorizer, cached by token as in API Gateway: one response applies to every route."""

    def __init__(self, function: Invocable, ttl_s: int) -> None:
        self._function = function
        self._ttl_s = ttl_s
        self._lock = Lock()
        self._cached: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()

    def context(self, token: str | None, method_arn: str) -> dict[str, str]:
        """Return `requestContext.authorizer` for an authorized request.

        Raises:
            Refused: The token is missing or invalid, or its policy does not allow the method.
        """
        if not token:
            raise Refused("UNAUTHORIZED")
        response = self._cached_response(token, method_arn)
        if not allows(response["policyDocument"], method_arn):
            raise Refused("ACCESS_DENIED")
        context = {name: _text(value) for name, value in response.get("context", {}).items()}
        return {**context, "principalId": str(response["principalId"])}

    def _cached_response(self, token: str, method_arn: str) -> Mapping[str, Any]:
        with self._lock:
            cached = self._cached.get(token)
        if cached and cached[0] > time.monotonic():
            return cached[1]
        response = self._call(token, method_arn)
        with self._lock:
            self._cached[token] = (time.monotonic() + self._ttl_s, response)
            while len(self._cached) > _MAX_CACHED:
                self._cached.popitem(last=False)
        return response

    def _call(self, token: str, method_arn: str) -> Mapping[str, Any]:
        event = {"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn}
        try:
            response = self._function.invoke(event)
        except FunctionFailed as error:
            # API Gateway recognizes only this message; any other failure counts as an error of the authorizer.
            raise Refused("UNAUTHORIZED" if str(error) == "Unauthorized" else "AUTHORIZER_FAILURE") from error
        except (FunctionTimedOut, PayloadTooLarge) as error:
            raise Refused("AUTHORIZER_FAILURE") from error
        except FunctionThrottled as error:
            raise Refused("AUTHORIZER_CONFIGURATION_ERROR") from error
        if not _well_formed(response):
            raise Refused("AUTHORIZER_CONFIGURATION_ERROR")
        return cast("dict[str, Any]", response)


def allows(policy: Mapping[str, Any], method_arn: str) -> bool:
    """Return True if a statement of the IAM policy allows the method and none denies it."""
    effects = {
        statement["Effect"]
        for statement in _list(policy["Statement"])
        if any(fnmatchcase("execute-api:Invoke", str(action)) for action in _list(statement["Action"]))
        and any(_matches(method_arn, str(resource)) for resource in _list(statement["Resource"]))
    }
    return effects == {"Allow"}


def _matches(arn: str, pattern: str) -> bool:
    """Match an ARN. IAM supports only * and ?, so the brackets of fnmatch are escaped."""
    return fnmatchcase(arn, pattern.replace("[", "[[]"))


def _list(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list) else [value]


def _text(value: object) -> str:
    """Return a context value as text, because functions receive only texts."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _well_formed(response: Any) -> bool:
    if not isinstance(response, dict):
        return False
    members = cast("dict[str, Any]", response)
    if not isinstance(members.get("principalId"), str) or not isinstance(members.get("policyDocument"), dict):
        return False
    context = members.get("context", {})
    if not isinstance(context, dict):
        return False
    values = cast("dict[str, Any]", context).values()
    return all(isinstance(value, str | int | float) for value in values)
