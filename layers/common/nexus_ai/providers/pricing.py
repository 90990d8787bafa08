"""What models cost, from genai-prices: the only module that knows it. It works offline and is never updated by itself.

genai-prices matches names loosely (by how they begin, or by what they contain), so that a model of tomorrow can be
taken for a cheaper one of today. Here a name is known only where it is one of the list's own names, or such a name with
nothing behind it but a version: a date, a build number, "latest", "preview". Fine-tuned models, OpenRouter's variants
that the list does not name (":online") and models without a price of both input and output are unknown, which is None.
The caller's own prices (tenants/) are for those.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nexus_ai.core.money import micros_ceiling, micros_from_dollars
from nexus_ai.providers.base import ProviderName, TokenUsage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo
    from genai_prices.types import Provider as PriceList

PER_MILLION = Decimal(1_000_000)
_VERSION = re.compile(
    r"(?:[-@:](?:latest|preview|beta|exp|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{2}-\d{2}|\d{3,8}|v\d(?:\.\d)?))*"
)
# Which prices a token of input or output can have. One-hour cache writes are never asked for.
_INPUT_PRICES = ("input_mtok", "cache_write_mtok", "cache_read_mtok")
_OUTPUT_PRICES = ("output_mtok", "output_reasoning_mtok")


def load() -> None:
    """Reads the vendors' lists, which otherwise the first price does."""
    import_module("genai_prices.data")


def price(provider: ProviderName, model: str, usage: TokenUsage) -> int | None:
    """What a usage cost, in micro-dollars: the vendor's own figure where it gave one; None where no price is known."""
    if usage.cost_micros is not None:
        return usage.cost_micros
    found = _find(provider, model)
    if found is None:
        return None
    from genai_prices import Usage

    # As here, its input includes what was cached or written, its output the reasoning. Parts that are larger than
    # their whole are cut: it would refuse them, and the call was not free.
    cached = min(usage.cached_input_tokens or 0, usage.input_tokens)
    counted = Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=cached,
        cache_write_tokens=min(usage.cache_write_tokens or 0, usage.input_tokens - cached),
        output_tokens=usage.output_tokens,
        output_reasoning_tokens=min(usage.reasoning_tokens or 0, usage.output_tokens),
    )
    price_list, info = found
    return micros_from_dollars(info.calc_price(counted, price_list).total_price)


def ceiling(provider: ProviderName, model: str, input_tokens: int, max_output_tokens: int) -> int | None:
    """The most, in micro-dollars, that a call with at most these tokens can cost; None where no price is known.

    Every input token is counted at the dearest of its prices (plain, cached, written to a cache), and all of them at
    the dearest tier that so long a prompt can reach, because a long-context price holds for the whole request.
    """
    found = _find(provider, model)
    if found is None:
        return None
    prices = found[1].get_prices(datetime.now(UTC))
    input_price = _dearest((getattr(prices, name) for name in _INPUT_PRICES), input_tokens)
    output_price = _dearest((getattr(prices, name) for name in _OUTPUT_PRICES), input_tokens)
    return micros_ceiling((input_price * input_tokens + output_price * max_output_tokens) / PER_MILLION)


def per_million(provider: ProviderName, model: str) -> tuple[Decimal, Decimal] | None:
    """US dollars per million tokens of input and of output, at the first of a model's tiers; None where unknown."""
    found = _find(provider, model)
    if found is None:
        return None
    prices = found[1].get_prices(datetime.now(UTC))
    return _first_tier(prices.input_mtok), _first_tier(prices.output_mtok)


def context_window(provider: ProviderName, model: str) -> int | None:
    """The tokens that the model takes, as far as is known."""
    found = _find(provider, model)
    return found[1].context_window if found else None


def _first_tier(price_or_tiers: Any) -> Decimal:
    first: Decimal = price_or_tiers if isinstance(price_or_tiers, Decimal) else price_or_tiers.base
    return first


def _dearest(prices: Iterable[Any], input_tokens: int) -> Decimal:
    reachable: list[Decimal] = []
    for price_or_tiers in prices:
        if isinstance(price_or_tiers, Decimal):
            reachable.append(price_or_tiers)
        elif price_or_tiers is not None:
            reachable.append(price_or_tiers.base)
            reachable += [tier.price for tier in price_or_tiers.tiers if input_tokens > tier.start]
    return max(reachable)


@lru_cache(maxsize=1024)
def _find(provider: ProviderName, model: str) -> "tuple[PriceList, ModelInfo] | None":
    """The model's entry in the vendor's list, where it has a price of input and of output."""
    from genai_prices.data import providers

    price_list = next(each for each in providers if each.id == provider.value)
    info = price_list.find_model(model)
    if info is None or not _is_named(info, model.lower()):
        return None
    prices = info.get_prices(datetime.now(UTC))
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    return price_list, info


def _is_named(info: "ModelInfo", model: str) -> bool:
    names = {info.id, *_names(info.match)}
    return any(model.startswith(name) and _VERSION.fullmatch(model, len(name)) for name in names)


def _names(match: Any) -> Iterator[str]:
    """The names in a rule of the list. Patterns are no names."""
    for part in getattr(match, "or_", None) or getattr(match, "and_", None) or ():
        yield from _names(part)
    for kind in ("equals", "starts_with", "contains", "ends_with"):
        name = getattr(match, kind, None)
        if name:
            yield name.lower()
