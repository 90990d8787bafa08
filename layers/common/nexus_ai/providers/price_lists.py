"""Read the price lists that `make_price_lists.py` writes from genai-prices at build time.

Importing and reading genai-prices itself takes longer than everything else in a first call besides its SDK
(docs/benchmarks.md). tests/unit/providers/test_price_lists.py compares the results with the library for every model.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

from nexus_ai.providers.base import ProviderName

# Gateways write the date of a version without hyphens, the lists with hyphens.
_COMPACT_DAY = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=[-:]|$)")
_MATCHES: Mapping[str, Callable[[str, Any], bool]] = {
    "equals": lambda model, name: model == name,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": lambda model, name: name in model,
    "regex": lambda model, pattern: re.search(pattern, model) is not None,
    "or_": lambda model, rules: any(_matches(model, rule) for rule in rules),
    "and_": lambda model, rules: all(_matches(model, rule) for rule in rules),
}


class Price:
    """Price of one kind of tokens in US dollars per million, by tiers of input tokens.

    A tier applies to the whole request, not only to the tokens above its bound.
    """

    def __init__(self, tiers: tuple[tuple[int, str], ...]) -> None:
        """Take the tiers in ascending order.

        Args:
            tiers: Pairs of the number of input tokens above which the tier applies, and its price.
        """
        self.tiers = [(above, Decimal(price)) for above, price in tiers]

    @property
    def first(self) -> Decimal:
        """Return the price of the first tier."""
        return self.tiers[0][1]

    def at(self, input_tokens: int) -> Decimal:
        """Return the price for a request with this many input tokens."""
        return self._reached(input_tokens)[-1]

    def highest(self, input_tokens: int) -> Decimal:
        """Return the highest price for a request with at most this many input tokens."""
        return max(self._reached(input_tokens))

    def _reached(self, input_tokens: int) -> list[Decimal]:
        return [price for above, price in self.tiers if input_tokens > above]


class Rates(NamedTuple):
    """Prices of a model's tokens. A kind without its own price costs as much as the kind that includes it."""

    input: Price
    output: Price
    cache_read: Price | None
    cache_write: Price | None
    reasoning: Price | None


@dataclass(frozen=True)
class Model:
    """Entry of a price list."""

    name: str
    rule: tuple[str, Any]
    # In tokens.
    context_window: int | None
    # Prices of each kind with the first day on which they apply, in UTC. None means always.
    _since: tuple[tuple[str | None, tuple[Any, ...]], ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the lower-case names: its own and those of the rule, without patterns."""
        return frozenset({self.name.lower(), *_names(self.rule)})

    def rates(self, day: date) -> Rates | None:
        """Return the prices of a day, or None if the input or the output has no price."""
        in_force = [prices for first, prices in self._since if first is None or date.fromisoformat(first) <= day]
        prices = in_force[-1] if in_force else self._since[0][1] if self._since else (None, None)
        if prices[0] is None or prices[1] is None:
            return None
        return Rates(*(price and Price(price) for price in prices))


def load() -> None:
    """Import all lists. Without this call, each list is imported on first use."""
    for provider in ProviderName:
        models(provider)


def find(provider: ProviderName, model: str) -> Model | None:
    """Return the first entry of the list whose rule matches the model, or None."""
    name = model.lower()
    return _first(provider, name) or _first(provider, _COMPACT_DAY.sub(r"-\1-\2-\3", name))


def _first(provider: ProviderName, name: str) -> Model | None:
    return next((Model(*entry) for entry in models(provider) if _matches(name, entry[1])), None)


def models(provider: ProviderName) -> tuple[tuple[Any, ...], ...]:
    """Return the entries of a list as they were written, in their order."""
    entries: tuple[tuple[Any, ...], ...] = import_module(f"genai_price_lists.{provider.value}").MODELS
    return entries


def _matches(model: str, rule: tuple[str, Any]) -> bool:
    kind, operand = rule
    return _MATCHES[kind](model, operand)


def _names(rule: tuple[str, Any]) -> Iterator[str]:
    kind, operand = rule
    if kind in ("or_", "and_"):
        for part in operand:
            yield from _names(part)
    elif kind != "regex":
        yield operand
