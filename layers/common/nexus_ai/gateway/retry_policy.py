"""What each kind of failure makes the pipeline do: one table, the same for all providers (docs/fallback.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nexus_ai.providers.base import FailureKind, ProviderFailure


class Action(StrEnum):
    NEXT = "next"  # go on to the next provider
    NEXT_LARGER = "next_larger"  # go on to the next provider whose model has a larger context
    STOP = "stop"  # the request itself is at fault: no provider would take it


@dataclass(frozen=True, slots=True)
class Rule:
    """`trips` counts towards opening the circuit. `retries_unsent`: tried once more here where nothing was sent."""

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
    """Whether the vendor may bill an attempt of which it told no usage.

    An answer with an error status is billed by none of the five; a lost, broken or empty answer may have been
    generated in full.
    """
    return failure.sent and (failure.status is None or failure.status < 300)
