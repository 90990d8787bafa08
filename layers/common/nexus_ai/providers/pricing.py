"""What models cost, by the lists of genai-prices (price_lists.py): offline, and never updated by themselves.

genai-prices matches names loosely (by how they begin, or by what they contain), so that a model of tomorrow can be
taken for a cheaper one of today. Here a name is known only where it is one of the list's own names, or such a name with
nothing behind it but a version: a date, a build number, "latest", "preview". Fine-tuned models, OpenRouter's variants
that the list does not name (":online") and models without a price of both input and output are unknown, which is None.
The caller's own prices (settings/) are for those.
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
    """What a usage cost, in micro-dollars: the vendor's own figure where it gave one; None where no price is known."""
    if usage.cost_micros is not None:
        return usage.cost_micros
    rates = _rates(provider, model)
    if rates is None:
        return None
    # Its input includes what was cached or written, its output the reasoning. Parts that are larger than their whole
    # are cut: the call was not free.
    cached = min(usage.cached_input_tokens or 0, usage.input_tokens)
    written = min(usage.cache_write_tokens or 0, usage.input_tokens - cached)
    thought = min(usage.reasoning_tokens or 0, usage.output_tokens)
    counted = (
        (rates.input, usage.input_tokens - cached - written),
        (rates.cache_read or rates.input, cached),
        (rates.cache_write or rates.input, written),
        (rates.output, usage.output_tokens - thought),
        (rates.reasoning or rates.output, thought),
    )
    dollars = sum((rate.at(usage.input_tokens) * tokens for rate, tokens in counted), Decimal(0)) / PER_MILLION
    return micros_from_dollars(dollars)


def ceiling(provider: ProviderName, model: str, input_tokens: int, max_output_tokens: int) -> int | None:
    """The most, in micro-dollars, that a call with at most these tokens can cost; None where no price is known.

    Every input token is counted at the dearest of its prices (plain, cached, written to a cache), and all of them at
    the dearest tier that so long a prompt can reach, because a long-context price holds for the whole request.
    """
    rates = _rates(provider, model)
    if rates is None:
        return None
    inputs, outputs = (rates.input, rates.cache_read, rates.cache_write), (rates.output, rates.reasoning)
    input_price = max(rate.highest(input_tokens) for rate in inputs if rate)
    output_price = max(rate.highest(input_tokens) for rate in outputs if rate)
    return micros_ceiling((input_price * input_tokens + output_price * max_output_tokens) / PER_MILLION)


def per_million(provider: ProviderName, model: str) -> tuple[Decimal, Decimal] | None:
    """US dollars per million tokens of input and of output, at the first of a model's tiers; None where unknown."""
    rates = _rates(provider, model)
    return (rates.input.first, rates.output.first) if rates else None


def context_window(provider: ProviderName, model: str) -> int | None:
    """The tokens that the model takes, as far as is known."""
    found = _find(provider, model)
    return found.context_window if found and _rates(provider, model) else None


def _rates(provider: ProviderName, model: str) -> Rates | None:
    return _rates_on(provider, model, datetime.now(UTC).date())


@lru_cache(maxsize=1024)
def _rates_on(provider: ProviderName, model: str, day: date) -> Rates | None:
    found = _find(provider, model)
    return found.rates(day) if found else None


@lru_cache(maxsize=1024)
def _find(provider: ProviderName, model: str) -> Model | None:
    found = price_lists.find(provider, model)
    return found if found and _is_named(found, model.lower()) else None


def _is_named(found: Model, model: str) -> bool:
    return any(model.startswith(name) and _VERSION.fullmatch(model, len(name)) for name in found.names)
