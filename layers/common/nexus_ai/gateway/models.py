"""Define the response of the gateway and its usage."""

from dataclasses import dataclass, field
from typing import Any

from nexus_ai.audit.models import Attempt


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of a request: tokens as the provider counted them, cost in micro-dollars. None is unknown."""

    input_tokens: int | None
    output_tokens: int | None
    cost_micros: int | None


@dataclass(frozen=True, slots=True)
class GatewayResponse[T]:
    """Response of the gateway to a model call.

    Attributes:
        request_id: The id of the request that called the provider or hit the cache. A replay keeps the first one's.
        data: The output, which keeps the task's output contract.
        provider: The provider of the completion.
        model: The model that the provider named.
        cached: True for a cache hit.
        usage: The sum over all attempts.
        latency_ms: Time since the request started.
        attempts: All attempts in order; empty for a cache hit.
        fell_back: True if another provider than the first one returned the completion.
    """

    request_id: str
    data: T
    provider: str
    model: str
    cached: bool
    usage: Usage
    latency_ms: int
    attempts: tuple[Attempt, ...] = field(default=())
    fell_back: bool = False


def public_attempt(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt in the form of API responses and errors."""
    return {
        "provider": attempt.provider,
        "model": attempt.model,
        "outcome": str(attempt.outcome),
        "errorCode": attempt.error_code,
        "latencyMs": attempt.latency_ms,
    }
