"""Define the results and the timeout of requests to a provider that test a configuration."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from nexus_ai.providers.base import FailureKind

TIMEOUT_S = 10.0


class ConnectionCode(StrEnum):
    """Result of a connection test.

    `refused`: the provider accepts the key but rejects a prompt to this model. It may not be a text model.
    """

    OK = "ok"
    INVALID_KEY = "invalid_key"
    NO_CREDIT = "no_credit"
    NO_PERMISSION = "no_permission"
    MODEL_NOT_FOUND = "model_not_found"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


CODES: Mapping[FailureKind, ConnectionCode] = MappingProxyType(
    {
        FailureKind.BAD_REQUEST: ConnectionCode.REFUSED,
        FailureKind.INVALID_KEY: ConnectionCode.INVALID_KEY,
        FailureKind.NO_CREDIT: ConnectionCode.NO_CREDIT,
        FailureKind.NO_PERMISSION: ConnectionCode.NO_PERMISSION,
        FailureKind.MODEL_NOT_FOUND: ConnectionCode.MODEL_NOT_FOUND,
        FailureKind.REQUEST_TIMEOUT: ConnectionCode.UNREACHABLE,
        FailureKind.CONTEXT_TOO_LONG: ConnectionCode.REFUSED,
        FailureKind.UNPROCESSABLE: ConnectionCode.REFUSED,
        FailureKind.RATE_LIMITED: ConnectionCode.RATE_LIMITED,
        FailureKind.SERVER_ERROR: ConnectionCode.UNREACHABLE,
        FailureKind.UNAVAILABLE: ConnectionCode.UNREACHABLE,
        FailureKind.OVERLOADED: ConnectionCode.UNREACHABLE,
        FailureKind.TIMEOUT: ConnectionCode.UNREACHABLE,
        FailureKind.RESET: ConnectionCode.UNREACHABLE,
        FailureKind.UNREACHABLE: ConnectionCode.UNREACHABLE,
        FailureKind.MALFORMED: ConnectionCode.UNREACHABLE,
        FailureKind.ERROR_IN_BODY: ConnectionCode.UNREACHABLE,
        FailureKind.REDIRECT: ConnectionCode.UNREACHABLE,
        # An empty or blocked completion still shows that key and model work.
        FailureKind.BLOCKED: ConnectionCode.OK,
        FailureKind.EMPTY: ConnectionCode.OK,
    }
)
