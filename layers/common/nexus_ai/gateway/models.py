"""What the pipeline returns for a model call."""

from dataclasses import dataclass, field
from typing import Any

from nexus_ai.audit.models import Attempt


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took: tokens as the vendor counted them and micro-dollars; None is unknown."""

    input_tokens: int | None
    output_tokens: int | None
    cost_micros: int | None


@dataclass(frozen=True, slots=True)
class GatewayResponse[T]:
    """`data` kept the contract. `attempts` is every attempt in order, and empty for an answer from the cache."""

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
    """An attempt as answers and errors tell it."""
    return {
        "provider": attempt.provider,
        "model": attempt.model,
        "outcome": str(attempt.outcome),
        "errorCode": attempt.error_code,
        "latencyMs": attempt.latency_ms,
    }
