"""Define the response fields that all tasks share."""

from typing import Self

from pydantic import BaseModel

from nexus_ai.gateway.models import GatewayResponse
from nexus_ai.platform.money import dollars_from_micros
from nexus_ai.platform.schema import Dollars, ResponseModel


class CompletionUsage(ResponseModel):
    """Tokens as the provider counted them, and the cost in US dollars.

    A value is null if the provider did not report it or if the price is unknown.
    """

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cost_usd: Dollars | None


class CompletionAttempt(ResponseModel):
    """One call of one provider within a request, successful or not."""

    provider: str
    model: str
    outcome: str
    error_code: str | None
    latency_ms: int


class CompletionFallback(ResponseModel):
    """All attempts in order. `used` is true if the completion is not from the first provider that was called."""

    used: bool
    attempts: tuple[CompletionAttempt, ...]


class TaskResponse[Data: BaseModel](ResponseModel):
    """Result of a task, with the provider, usage and attempts of the request."""

    request_id: str
    data: Data
    provider: str
    model: str
    cached: bool
    usage: CompletionUsage
    fallback: CompletionFallback
    latency_ms: int

    @classmethod
    def of(cls, answer: GatewayResponse[Data]) -> Self:
        """Return the gateway's response as the API describes it."""
        usage = answer.usage
        known = usage.input_tokens is not None and usage.output_tokens is not None
        attempts = tuple(
            CompletionAttempt(
                provider=attempt.provider,
                model=attempt.model,
                outcome=attempt.outcome,
                error_code=attempt.error_code,
                latency_ms=attempt.latency_ms,
            )
            for attempt in answer.attempts
        )
        return cls(
            request_id=answer.request_id,
            data=answer.data,
            provider=answer.provider,
            model=answer.model,
            cached=answer.cached,
            usage=CompletionUsage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                total_tokens=(usage.input_tokens or 0) + (usage.output_tokens or 0) if known else None,
                cost_usd=None if usage.cost_micros is None else dollars_from_micros(usage.cost_micros),
            ),
            fallback=CompletionFallback(used=answer.fell_back, attempts=attempts),
            latency_ms=answer.latency_ms,
        )
