"""Define what the pipeline does after each failure kind, the same for all providers (docs/fallback.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nexus_ai.providers.base import FailureKind, ProviderFailure


class Action(StrEnum):
    """Action of the pipeline after a failed attempt."""

    NEXT = "next"  # try the next candidate
    NEXT_LARGER = "next_larger"  # try the next candidate with a larger context window
    STOP = "stop"  # end the request: the fault is in it, so every provider would reject it


@dataclass(frozen=True, slots=True)
class Rule:
    """Retry policy of a failure kind.

    Attributes:
        action: What the pipeline does next.
        trips: True if the failure counts towards opening the circuit.
        retries_unsent: True if the same candidate is tried once more when nothing was sent.
    """

    action: Action
    trips: bool
    retries_unsent: bool = False


RETRY_POLICY: Mapping[FailureKind, Rule] = MappingProxyType(
    {
        FailureKind.BAD_REQUEST: Rule(Action.STOP, trips=False),
        FailureKind.INVALID_KEY: Rule(Action.NEXT, trips=True),
        FailureKind.NO_CREDIT: Rule(Action.NEXT, trips=True),
        FailureKind.NO_PERMISSION: Rule(Action.NEXT, trips=True),
        FailureKind.MODEL_NOT_FOUND: Rule(Action.NEXT, trips=True),
        FailureKind.REQUEST_TIMEOUT: Rule(Action.NEXT, trips=True),
        FailureKind.CONTEXT_TOO_LONG: Rule(Action.NEXT_LARGER, trips=False),
        FailureKind.UNPROCESSABLE: Rule(Action.STOP, trips=False),
        FailureKind.RATE_LIMITED: Rule(Action.NEXT, trips=True),
        FailureKind.SERVER_ERROR: Rule(Action.NEXT, trips=True),
        FailureKind.UNAVAILABLE: Rule(Action.NEXT, trips=True),
        FailureKind.OVERLOADED: Rule(Action.NEXT, trips=True),
        FailureKind.TIMEOUT: Rule(Action.NEXT, trips=True),
        FailureKind.RESET: Rule(Action.NEXT, trips=True, retries_unsent=True),
        FailureKind.UNREACHABLE: Rule(Action.NEXT, trips=True, retries_unsent=True),
        FailureKind.MALFORMED: Rule(Action.NEXT, trips=True),
        FailureKind.ERROR_IN_BODY: Rule(Action.NEXT, trips=True),
        FailureKind.REDIRECT: Rule(Action.NEXT, trips=True),
        FailureKind.BLOCKED: Rule(Action.NEXT, trips=False),
        FailureKind.EMPTY: Rule(Action.NEXT, trips=True),
    }
)


def may_be_billed(failure: ProviderFailure) -> bool:
    """Return True if the provider may bill a failed attempt for which it reported no usage.

    The five providers do not bill a response with an error status. A lost, malformed or empty response may have been
    generated, and billed, in full.
    """
    return failure.sent and (failure.status is None or failure.status < 300)
