"""Test reservations and charges of attempts against figures calculated by hand.

gpt-4o-mini costs 0.15 dollars per million input tokens (0.075 cached) and 0.6 per million output tokens.
"""

from decimal import Decimal

import pytest

from nexus_ai.audit.models import Attempt, Outcome
from nexus_ai.gateway import prices
from nexus_ai.gateway.charging import Estimate, charge_completion, charge_failure, estimate
from nexus_ai.gateway.routing import Candidate
from nexus_ai.limits.models import Amounts, Reservation, Settlement
from nexus_ai.providers.base import FailureKind, ProviderFailure, TokenUsage
from nexus_ai.settings.models import ModelPrice, Preferences, TenantSettings

MINI = Candidate("openai", "gpt-4o-mini")
OWN = Candidate("openai", "our-own-9")
UNKNOWN = Candidate("openai", "unknown-model")
SETTINGS = TenantSettings(
    preferences=Preferences(
        prices={
            "openai/our-own-9": ModelPrice(
                input_per_million=Decimal("1.5"), output_per_million=Decimal("2.25"), context_tokens=9_000
            ),
            "openai/gpt-5-mini": ModelPrice(
                input_per_million=Decimal(0), output_per_million=Decimal(0), context_tokens=10**7
            ),
        }
    )
)
RESERVED = Amounts(1, 1_540, 450)
RESERVATION = Reservation(
    id="request.1", amounts=RESERVED, deadline_ms=9, provider="openai", model="gpt-4o-mini", ends=(1, 2, 3)
)
REPORTED = TokenUsage(input_tokens=900, output_tokens=200, cached_input_tokens=400, reasoning_tokens=50)


def _charge_completion(candidate: Candidate, usage: TokenUsage | None) -> tuple[Settlement, Attempt]:
    return charge_completion(SETTINGS, candidate, RESERVATION, usage, 321)


def _charge_failure(failure: ProviderFailure) -> tuple[Settlement, Attempt]:
    return charge_failure(SETTINGS, MINI, RESERVATION, failure, 321)


def test_estimate_is_input_with_framing_and_maximum_output() -> None:
    # OpenAI adds up to 40 tokens of framing: 1040 * 0.15 = 156 + 500 * 0.6 = 300
    assert estimate(SETTINGS, MINI, 1_000, 500) == Estimate(tokens=1_540, cost_micros=456, price_known=True)
    assert estimate(SETTINGS, Candidate("anthropic", "x"), 1_000, 500).tokens == 1_620


def test_estimate_without_a_price_is_marked() -> None:
    assert estimate(SETTINGS, UNKNOWN, 1_000, 500) == Estimate(tokens=1_540, cost_micros=0, price_known=False)


def test_price_of_zero_is_a_known_price() -> None:
    free = ModelPrice(input_per_million=Decimal(0), output_per_million=Decimal(0))
    settings = TenantSettings(preferences=Preferences(prices={"openai/unknown-model": free}))
    assert estimate(settings, UNKNOWN, 1_000, 500) == Estimate(tokens=1_540, cost_micros=0, price_known=True)


def test_tenants_price_counts_for_an_unlisted_model() -> None:
    # 1041 * 1.5 = 1561.5, rounded up; 333 * 2.25 = 749.25
    assert estimate(SETTINGS, OWN, 1_001, 333).cost_micros == 2_311
    # 100 * 1.5 = 150 + 12 * 2.25 = 27
    assert prices.price(SETTINGS, "openai", "our-own-9", TokenUsage(input_tokens=100, output_tokens=12)) == 177
    assert prices.price(SETTINGS, "groq", "our-own-9", TokenUsage(input_tokens=100, output_tokens=12)) is None
    assert prices.ceiling(SETTINGS, "openai", "our-own-9", 10**6, 10**6) == 3_750_000


def test_listed_price_is_not_replaced_by_the_tenants_price() -> None:
    # gpt-5-mini costs 0.25 and 2 dollars per million tokens: 1000 * 0.25 = 250 + 100 * 2 = 200
    assert prices.ceiling(SETTINGS, "openai", "gpt-5-mini", 1_000, 100) == 450
    assert prices.price(SETTINGS, "openai", "gpt-5-mini", TokenUsage(input_tokens=1_000, output_tokens=100)) == 450


def test_reported_cost_counts_before_the_tenants_price() -> None:
    reported = TokenUsage(input_tokens=100, output_tokens=10, cost_micros=17)
    assert prices.price(SETTINGS, "openai", "our-own-9", reported) == 17


def test_context_size_is_listed_or_the_tenants() -> None:
    assert prices.context_window(SETTINGS, "openai", "our-own-9") == 9_000
    assert prices.context_window(SETTINGS, "openai", "gpt-5-mini") == 400_000
    assert prices.context_window(SETTINGS, "openai", "unknown-model") is None


def test_completion_is_charged_as_reported() -> None:
    settlement, attempt = _charge_completion(MINI, REPORTED)
    # 500 * 0.15 = 75 + 400 * 0.075 = 30 + 200 * 0.6 = 120
    assert settlement == Settlement(reservation=RESERVATION, used=Amounts(1, 1_100, 225))
    assert attempt == Attempt(
        provider="openai",
        model="gpt-4o-mini",
        outcome=Outcome.ANSWERED,
        latency_ms=321,
        reservation=RESERVATION.number,
        sent=True,
        input_tokens=900,
        output_tokens=200,
        cached_input_tokens=400,
        reasoning_tokens=50,
        charged_tokens=1_100,
        cost_micros=225,
    )


def test_completion_without_usage_is_charged_its_reservation() -> None:
    settlement, attempt = _charge_completion(MINI, None)
    assert settlement == Settlement(reservation=RESERVATION, used=RESERVED)
    assert attempt == Attempt(
        provider="openai",
        model="gpt-4o-mini",
        outcome=Outcome.ANSWERED,
        latency_ms=321,
        reservation=RESERVATION.number,
        sent=True,
        charged_tokens=1_540,
        cost_micros=450,
        estimated=True,
    )


def test_completion_without_a_price_has_no_cost_but_tokens() -> None:
    unpriced = RESERVATION.model_copy(update={"amounts": Amounts(1, 1_540, 0)})
    settlement, attempt = charge_completion(SETTINGS, UNKNOWN, unpriced, REPORTED, 321)
    assert settlement.used == Amounts(1, 1_100, 0)
    assert attempt.cost_micros is None
    assert not attempt.overrun


@pytest.mark.parametrize(
    ("usage", "overrun"),
    [
        (TokenUsage(input_tokens=1_540, output_tokens=0), False),  # as many tokens as reserved, 231 micro-dollars
        (TokenUsage(input_tokens=1_541, output_tokens=0), True),
        (TokenUsage(input_tokens=0, output_tokens=750), False),  # 450 micro-dollars
        (TokenUsage(input_tokens=0, output_tokens=752), True),  # 451
    ],
)
def test_use_above_the_reservation_is_recorded_as_overrun(usage: TokenUsage, overrun: bool) -> None:
    settlement, attempt = _charge_completion(MINI, usage)
    assert attempt.overrun is overrun
    assert settlement.used.tokens == usage.total_tokens


def test_unsent_failure_is_released() -> None:
    settlement, attempt = _charge_failure(ProviderFailure(FailureKind.UNREACHABLE, sent=False))
    assert settlement == Settlement(reservation=RESERVATION, used=Amounts(0, 0, 0))
    assert attempt == Attempt(
        provider="openai",
        model="gpt-4o-mini",
        outcome=Outcome.FAILED,
        error_code="unreachable",
        latency_ms=321,
        reservation=RESERVATION.number,
        sent=False,
        cost_micros=0,
    )


def test_unbilled_failure_costs_one_request() -> None:
    settlement, attempt = _charge_failure(ProviderFailure(FailureKind.SERVER_ERROR, status=500))
    assert settlement == Settlement(reservation=RESERVATION, used=Amounts(1, 0, 0))
    assert attempt == Attempt(
        provider="openai",
        model="gpt-4o-mini",
        outcome=Outcome.FAILED,
        error_code="server_error",
        latency_ms=321,
        reservation=RESERVATION.number,
        sent=True,
        cost_micros=0,
    )


def test_failure_that_may_be_billed_is_charged_its_reservation() -> None:
    settlement, attempt = _charge_failure(ProviderFailure(FailureKind.TIMEOUT))
    assert settlement == Settlement(reservation=RESERVATION, used=RESERVED)
    assert (attempt.outcome, attempt.charged_tokens, attempt.cost_micros) == (Outcome.FAILED, 1_540, 450)
    assert attempt.estimated


def test_failure_with_reported_usage_is_charged_that() -> None:
    settlement, attempt = _charge_failure(ProviderFailure(FailureKind.BLOCKED, status=200, usage=REPORTED))
    assert settlement == Settlement(reservation=RESERVATION, used=Amounts(1, 1_100, 225))
    assert (attempt.outcome, attempt.error_code) == (Outcome.FAILED, "blocked")
    assert (attempt.charged_tokens, attempt.cost_micros, attempt.estimated) == (1_100, 225, False)


def test_error_status_with_reported_usage_is_charged_that() -> None:
    settlement, _ = _charge_failure(ProviderFailure(FailureKind.SERVER_ERROR, status=500, usage=REPORTED))
    assert settlement.used == Amounts(1, 1_100, 225)
