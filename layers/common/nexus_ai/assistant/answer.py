"""What every answer of a model call has around its data."""

from pydantic import BaseModel

from nexus_ai.core.money import dollars_from_micros
from nexus_ai.core.wire import Dollars, ResponseModel
from nexus_ai.gateway.models import Answer


class UsageView(ResponseModel):
    """Tokens as the vendor counted them, and what the call cost; null where the vendor told nothing."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cost_usd: Dollars | None


class AttemptView(ResponseModel):
    provider: str
    model: str
    outcome: str
    error_code: str | None
    latency_ms: int


class FallbackView(ResponseModel):
    """`used` says that another provider answered than the first one asked."""

    used: bool
    attempts: tuple[AttemptView, ...]


class ModelAnswer[Data: BaseModel](ResponseModel):
    request_id: str
    data: Data
    provider: str
    model: str
    cached: bool
    usage: UsageView
    fallback: FallbackView
    latency_ms: int


def view[Data: BaseModel](answer: Answer[Data]) -> ModelAnswer[Data]:
    """The gateway's answer as the API tells it."""
    usage = answer.usage
    known = usage.input_tokens is not None and usage.output_tokens is not None
    attempts = tuple(
        AttemptView(
            provider=attempt.provider,
            model=attempt.model,
            outcome=attempt.outcome,
            error_code=attempt.error_code,
            latency_ms=attempt.latency_ms,
        )
        for attempt in answer.attempts
    )
    return ModelAnswer[Data](
        request_id=answer.request_id,
        data=answer.data,
        provider=answer.provider,
        model=answer.model,
        cached=answer.cached,
        usage=UsageView(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            total_tokens=(usage.input_tokens or 0) + (usage.output_tokens or 0) if known else None,
            cost_usd=None if usage.cost_micros is None else dollars_from_micros(usage.cost_micros),
        ),
        fallback=FallbackView(used=answer.fell_back, attempts=attempts),
        latency_ms=answer.latency_ms,
    )
