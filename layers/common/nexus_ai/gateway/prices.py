"""What an attempt costs: by the vendors' price list, and by the tenant's own price for a model that it does not know.

The list comes first, so that no administrator can soften a limit in dollars by a price of nothing.
"""

from decimal import Decimal

from nexus_ai.platform.money import micros_ceiling, micros_from_dollars
from nexus_ai.platform.units import PER_MILLION
from nexus_ai.providers import pricing
from nexus_ai.providers.base import ProviderName, TokenUsage
from nexus_ai.settings.models import ModelPrice, TenantSettings


def ceiling(
    settings: TenantSettings, provider: str, model: str, input_tokens: int, max_output_tokens: int
) -> int | None:
    """The most, in micro-dollars, that an attempt with at most these tokens can cost; None where no price is known."""
    listed = pricing.ceiling(ProviderName(provider), model, input_tokens, max_output_tokens)
    own = settings.preferences.prices.get(f"{provider}/{model}")
    if listed is None and own:
        return micros_ceiling(_dollars(own, input_tokens, max_output_tokens))
    return listed


def price(settings: TenantSettings, provider: str, model: str, usage: TokenUsage) -> int | None:
    """What a usage cost, in micro-dollars; None where no price is known."""
    listed = pricing.price(ProviderName(provider), model, usage)
    own = settings.preferences.prices.get(f"{provider}/{model}")
    if listed is None and own:
        return micros_from_dollars(_dollars(own, usage.input_tokens, usage.output_tokens))
    return listed


def context_window(settings: TenantSettings, provider: str, model: str) -> int | None:
    """The tokens that the model takes: by the vendors' list, else what the tenant entered, as far as it is known."""
    own = settings.preferences.prices.get(f"{provider}/{model}")
    listed = pricing.context_window(ProviderName(provider), model)
    return own.context_tokens if listed is None and own else listed


def _dollars(own: ModelPrice, input_tokens: int, output_tokens: int) -> Decimal:
    return (own.input_per_million * input_tokens + own.output_per_million * output_tokens) / PER_MILLION
