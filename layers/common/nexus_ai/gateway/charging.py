"""What an attempt reserves before it, and what it is charged after it."""

from dataclasses import dataclass

from nexus_ai.audit.models import Attempt, Outcome
from nexus_ai.gateway import prices
from nexus_ai.gateway.retry_policy import may_be_billed
from nexus_ai.gateway.routing import Candidate
from nexus_ai.limits.models import Amounts, Reservation, Settlement
from nexus_ai.providers.base import ProviderFailure, ProviderName, TokenUsage
from nexus_ai.providers.registry import REGISTRY
from nexus_ai.settings.models import TenantSettings


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most that an attempt can use."""

    tokens: int
    cost_micros: int
    price_known: bool


def estimate(settings: TenantSettings, candidate: Candidate, input_tokens: int, max_tokens: int) -> Estimate:
    """Input with the vendor's framing, the whole output allowed, and their price."""
    whole_input = input_tokens + REGISTRY[ProviderName(candidate.provider)].overhead_tokens
    cost = prices.ceiling(settings, candidate.provider, candidate.model, whole_input, max_tokens)
    return Estimate(tokens=whole_input + max_tokens, cost_micros=cost or 0, price_known=cost is not None)


def charge_completion(
    settings: TenantSettings, candidate: Candidate, reservation: Reservation, usage: TokenUsage | None, latency_ms: int
) -> tuple[Settlement, Attempt]:
    """Charges an attempt that was answered: what the vendor told, else the whole reservation, marked as estimated."""
    attempt = Attempt(
        provider=candidate.provider,
        model=candidate.model,
        outcome=Outcome.ANSWERED,
        latency_ms=latency_ms,
        sent=True,
        reservation=reservation.number,
    )
    return _charge(settings, candidate, reservation, usage, attempt)


def charge_failure(
    settings: TenantSettings,
    candidate: Candidate,
    reservation: Reservation,
    failure: ProviderFailure,
    latency_ms: int,
) -> tuple[Settlement, Attempt]:
    """Charges an attempt that failed: nothing where nothing was sent, its request where it was.

    Tokens are charged where the vendor told them, and in full where it may bill what it did not tell.
    """
    attempt = Attempt(
        provider=candidate.provider,
        model=candidate.model,
        outcome=Outcome.FAILED,
        error_code=failure.kind.value,
        latency_ms=latency_ms,
        sent=failure.sent,
        reservation=reservation.number,
    )
    if not failure.sent:
        return Settlement(reservation=reservation, used=Amounts(0, 0, 0)), attempt.model_copy(update={"cost_micros": 0})
    if failure.usage is None and not may_be_billed(failure):
        used = Amounts(reservation.amounts.requests, 0, 0)
        return Settlement(reservation=reservation, used=used), attempt.model_copy(update={"cost_micros": 0})
    return _charge(settings, candidate, reservation, failure.usage, attempt)


def _charge(
    settings: TenantSettings,
    candidate: Candidate,
    reservation: Reservation,
    usage: TokenUsage | None,
    attempt: Attempt,
) -> tuple[Settlement, Attempt]:
    reserved = reservation.amounts
    if usage is None:
        charged = attempt.model_copy(
            update={"charged_tokens": reserved.tokens, "cost_micros": reserved.cost_micros, "estimated": True}
        )
        return Settlement(reservation=reservation, used=reserved), charged
    cost = prices.price(settings, candidate.provider, candidate.model, usage)
    charged = attempt.model_copy(
        update={
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_input_tokens": usage.cached_input_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "charged_tokens": usage.total_tokens,
            "cost_micros": cost,
            "overrun": usage.total_tokens > reserved.tokens or (cost or 0) > reserved.cost_micros,
        }
    )
    used = Amounts(reserved.requests, usage.total_tokens, cost or 0)
    return Settlement(reservation=reservation, used=used), charged
