"""Estimate what an attempt reserves, and charge what it used."""

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
    """Upper bound of what an attempt can use. The cost is 0 if no price is known."""

    tokens: int
    cost_micros: int
    price_known: bool


def estimate(settings: TenantSettings, candidate: Candidate, input_tokens: int, max_tokens: int) -> Estimate:
    """Return the tokens and the cost of the input, the provider's own framing, and the largest allowed output."""
    framed_tokens = input_tokens + REGISTRY[ProviderName(candidate.provider)].overhead_tokens
    cost = prices.ceiling(settings, candidate.provider, candidate.model, framed_tokens, max_tokens)
    return Estimate(tokens=framed_tokens + max_tokens, cost_micros=cost or 0, price_known=cost is not None)


def charge_completion(
    settings: TenantSettings, candidate: Candidate, reservation: Reservation, usage: TokenUsage | None, latency_ms: int
) -> tuple[Settlement, Attempt]:
    """Charge an attempt that returned a completion.

    It is charged the usage that the provider reported. Without reported usage it is charged its whole reservation and
    marked as estimated.
    """
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
    """Charge an attempt that failed.

    An attempt that was not sent is charged nothing. One that was sent counts as a request, and is charged:
    - the tokens that the provider reported, if it reported any;
    - its whole reservation, if the provider reported none but may bill them;
    - no tokens otherwise.
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
