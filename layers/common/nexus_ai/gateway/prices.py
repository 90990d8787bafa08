"""Price attempts by the providers' price lists, or by the tenant's own price for an unlisted model.

The list takes precedence: otherwise an administrator could weaken a dollar limit by entering a price of zero.
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
    """Return the highest cost of an attempt with at most these tokens, in micro-dollars; None if no price is known."""
    listed = pricing.ceiling(ProviderName(provider), model, input_tokens, max_output_tokens)
    own = settings.preferences.prices.get(f"{provider}/{model}")
    if listed is None and own:
        return micros_ceiling(_dollars(own, input_tokens, max_output_tokens))
    return listed


def price(settings: TenantSettings, provider: str, model: str, usage: TokenUsage) -> int | None:
    """Return the cost of reported usage in micro-dollars; None if no price is known."""
    listed = pricing.price(ProviderName(provider), model, usage)
    own = settings.preferences.prices.get(f"{provider}/{model}")
    if listed is None and own:
        return micros_from_dollars(_dollars(own, usage.input_tokens, usage.output_tokens))
    return listed


def context_window(settings: TenantSettings, provider: str, model: str) -> int | None:
    """Return the model's context window in tokens, from the price list or from the tenant; None if unknown."""
    own = settings.preferences.prices.get(f"{provider}/{model}")
    listed = pricing.context_window(ProviderName(provider), model)
    return own.context_tokens if listed is None and own else listed


def _dollars(own: ModelPrice, input_tokens: int, output_tokens: int) -> Decimal:
    return (own.input_per_million * input_tokens + own.output_per_million * output_tokens) / PER_MILLION
