"""Price models by the lists of genai-prices (price_lists.py), which change only with a release.

genai-prices matches names loosely, by prefix or substring, so it can mistake a future model for a cheaper one of today.
Here a name is known only if it is one of the names in the list, or such a name followed by a version: a date, a build
number, "latest" or "preview". Fine-tuned models, OpenRouter variants that the list does not name (":online"), and
models without both an input and an output price are unknown, which is None. Tenants can set their own prices for these
(settings/).
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from nexus_ai.platform.money import micros_ceiling, micros_from_dollars
from nexus_ai.platform.units import PER_MILLION
from nexus_ai.providers import price_lists
from nexus_ai.providers.base import ProviderName, TokenUsage
from nexus_ai.providers.price_lists import Model, Rates

_VERSION = re.compile(
    r"(?:[-@:](?:latest|preview|beta|exp|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{2}-\d{2}|\d{3,8}|v\d(?:\.\d)?))*"
)


def price(provider: ProviderName, model: str, usage: TokenUsage) -> int | None:
    """Return the cost of a usage in micro-dollars, or None if no price is known.

    A cost that the provider reported takes precedence.
    """
    if usage.cost_micros is not None:
        return usage.cost_micros
    rates = _rates(provider, model)
    if rates is None:
        return None
    # The input includes cached and written tokens, and the output includes reasoning. A part that exceeds its whole is
    # cut to it, so that no amount is negative.
    cached = min(usage.cached_input_tokens or 0, usage.input_tokens)
    cache_written = min(usage.cache_write_tokens or 0, usage.input_tokens - cached)
    reasoning = min(usage.reasoning_tokens or 0, usage.output_tokens)
    priced_tokens = (
        (rates.input, usage.input_tokens - cached - cache_written),
        (rates.cache_read or rates.input, cached),
        (rates.cache_write or rates.input, cache_written),
        (rates.output, usage.output_tokens - reasoning),
        (rates.reasoning or rates.output, reasoning),
    )
    dollars = sum((rate.at(usage.input_tokens) * tokens for rate, tokens in priced_tokens), Decimal(0)) / PER_MILLION
    return micros_from_dollars(dollars)


def ceiling(provider: ProviderName, model: str, input_tokens: int, max_output_tokens: int) -> int | None:
    """Return the highest possible cost of a call in micro-dollars, or None if no price is known.

    Every input token is counted at the highest of its prices (plain, cache read, cache write). All tokens are counted
    at the highest tier that a prompt of this size can reach, because a long-context price applies to the whole request.
    """
    rates = _rates(provider, model)
    if rates is None:
        return None
    inputs, outputs = (rates.input, rates.cache_read, rates.cache_write), (rates.output, rates.reasoning)
    input_price = max(rate.highest(input_tokens) for rate in inputs if rate)
    output_price = max(rate.highest(input_tokens) for rate in outputs if rate)
    return micros_ceiling((input_price * input_tokens + output_price * max_output_tokens) / PER_MILLION)


def per_million(provider: ProviderName, model: str) -> tuple[Decimal, Decimal] | None:
    """Return the input and output price in US dollars per million tokens, or None if unknown. Uses the first tier."""
    rates = _rates(provider, model)
    return (rates.input.first, rates.output.first) if rates else None


def context_window(provider: ProviderName, model: str) -> int | None:
    """Return the model's context size in tokens, or None if unknown."""
    entry = _find(provider, model)
    return entry.context_window if entry and _rates(provider, model) else None


def _rates(provider: ProviderName, model: str) -> Rates | None:
    return _rates_on(provider, model, datetime.now(UTC).date())


@lru_cache(maxsize=1024)
def _rates_on(provider: ProviderName, model: str, day: date) -> Rates | None:
    entry = _find(provider, model)
    return entry.rates(day) if entry else None


@lru_cache(maxsize=1024)
def _find(provider: ProviderName, model: str) -> Model | None:
    entry = price_lists.find(provider, model)
    return entry if entry and _has_name(entry, model.lower()) else None


def _has_name(entry: Model, model: str) -> bool:
    return any(model.startswith(name) and _VERSION.fullmatch(model, len(name)) for name in entry.names)
