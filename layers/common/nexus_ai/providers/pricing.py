"""Prices of the five vendors' models, from genai-prices: offline, in integer micro-dollars.

The library matches a model by the names its vendor gives it and their dated forms; a name that it does not match has
no price here, and unknown is None. A long-context price holds for the whole request, and an input count includes what
was read from or written to the vendor's cache, as in `TokenUsage`.
"""

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from nexus_ai.core.money import micros_ceiling, micros_from_dollars
from nexus_ai.providers.base import ProviderName, TokenUsage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

MODELS_KEPT = 1024


def price(provider: ProviderName, model: str, usage: TokenUsage) -> int | None:
    """What a usage cost, in micro-dollars; the vendor's own figure where it gave one. None where no price is known."""
    if usage.cost_micros is not None:
        return usage.cost_micros
    dollars = _dollars(
        provider,
        model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens or 0,
        cache_write_tokens=usage.cache_write_tokens or 0,
    )
    return None if dollars is None else micros_from_dollars(dollars)


def ceiling(provider: ProviderName, model: str, input_tokens: int, max_output_tokens: int) -> int | None:
    """The most, in micro-dollars, that an attempt with at most these tokens can cost; None where no price is known.

    No rate falls as tokens rise, so that the dearest case is the longest; a vendor that writes its cache unasked
    charges more than for plain input.
    """
    plain = _dollars(provider, model, input_tokens=input_tokens, output_tokens=max_output_tokens)
    if plain is None:
        return None
    written = _dollars(
        provider,
        model,
        input_tokens=input_tokens,
        output_tokens=max_output_tokens,
        cache_write_tokens=input_tokens,
    )
    return micros_ceiling(max(plain, written or plain))


def context_window(provider: ProviderName, model: str) -> int | None:
    """The tokens that a model takes in all; None where that is not known."""
    found = _find(provider, model)
    return found.context_window if found else None


def _dollars(provider: ProviderName, model: str, **tokens: int) -> Decimal | None:
    from genai_prices import Usage

    found = _find(provider, model)
    if found is None:
        return None
    from datetime import UTC, datetime

    prices = found.get_prices(datetime.now(UTC))
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    # A vendor without a price of its own for cached tokens bills them as input.
    if prices.cache_read_mtok is None:
        tokens.pop("cache_read_tokens", None)
    if prices.cache_write_mtok is None:
        tokens.pop("cache_write_tokens", None)
    return prices.calc_price(Usage(**tokens))["total_price"]


@lru_cache(MODELS_KEPT)
def _find(provider: ProviderName, model: str) -> "ModelInfo | None":
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, provider.value, None)
    except LookupError:
        return None
    return found
