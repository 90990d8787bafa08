"""What an attempt costs: the tenant's own price of a model, else the vendors' price list."""

from decimal import Decimal

from nexus_ai.core.money import micros_ceiling, micros_from_dollars
from nexus_ai.providers import pricing
from nexus_ai.providers.base import ProviderName, TokenUsage
from nexus_ai.tenants.models import ModelPrice, TenantSettings

PER_MILLION = Decimal(1_000_000)


def ceiling(
    settings: TenantSettings, provider: str, model: str, input_tokens: int, max_output_tokens: int
) -> int | None:
    """The most, in micro-dollars, that an attempt with at most these tokens can cost; None where no price is known."""
    own = settings.preferences.prices.get(f"{provider}/{model}")
    if own:
        return micros_ceiling(_dollars(own, input_tokens, max_output_tokens))
    return pricing.ceiling(ProviderName(provider), model, input_tokens, max_output_tokens)


def price(settings: TenantSettings, provider: str, model: str, usage: TokenUsage) -> int | None:
    """What a usage cost, in micro-dollars; None where no price is known."""
    own = settings.preferences.prices.get(f"{provider}/{model}")
    if own and usage.cost_micros is None:
        return micros_from_dollars(_dollars(own, usage.input_tokens, usage.output_tokens))
    return pricing.price(ProviderName(provider), model, usage)


def context_window(settings: TenantSettings, provider: str, model: str) -> int | None:
    """The tokens that the model takes: what the tenant entered, else the vendors' list, as far as it is known."""
    own = settings.preferences.prices.get(f"{provider}/{model}")
    if own and own.context_tokens is not None:
        return own.context_tokens
    return pricing.context_window(ProviderName(provider), model)


def _dollars(own: ModelPrice, input_tokens: int, output_tokens: int) -> Decimal:
    return (own.input_per_million * input_tokens + own.output_per_million * output_tokens) / PER_MILLION
