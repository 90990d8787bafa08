"""The vendors' lists of what models cost, as `make_price_lists.py` has written them out of genai-prices at build time.

The library itself takes a tenth of a second to be imported, and more to be read than all else that a first call does
beside its SDK (docs/benchmarks.md). What its rules mean is the library's; tests/unit/providers/test_price_lists.py
compares the two for every model.
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

# As gateways write a version's day; the lists have it with hyphens.
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
    """US dollars for a million tokens of one kind, in a request with so many tokens of input.

    A tier holds for the whole request, not for the tokens above its bound alone.
    """

    def __init__(self, tiers: tuple[tuple[int, str], ...]) -> None:
        """Each tier with the tokens of input above which it holds, in ascending order."""
        self.tiers = [(above, Decimal(price)) for above, price in tiers]

    @property
    def first(self) -> Decimal:
        return self.tiers[0][1]

    def at(self, input_tokens: int) -> Decimal:
        return self._reached(input_tokens)[-1]

    def highest(self, input_tokens: int) -> Decimal:
        """The most that it can be with at most so many."""
        return max(self._reached(input_tokens))

    def _reached(self, input_tokens: int) -> list[Decimal]:
        return [price for above, price in self.tiers if input_tokens > above]


class Rates(NamedTuple):
    """What a model's tokens cost. Where a kind has no price of its own, it costs what it is a part of does."""

    input: Price
    output: Price
    cache_read: Price | None
    cache_write: Price | None
    reasoning: Price | None


@dataclass(frozen=True)
class Model:
    """An entry of a list."""

    name: str
    rule: tuple[str, Any]
    # Tokens.
    context_window: int | None
    # The prices of each kind by the first day of theirs, in UTC; None is always.
    _since: tuple[tuple[str | None, tuple[Any, ...]], ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in small letters that the rule has, and its own. Patterns are no names."""
        return frozenset({self.name.lower(), *_names(self.rule)})

    def rates(self, day: date) -> Rates | None:
        """What holds on a day; None where input or output has no price."""
        begun = [prices for first, prices in self._since if first is None or date.fromisoformat(first) <= day]
        prices = begun[-1] if begun else self._since[0][1] if self._since else (None, None)
        if prices[0] is None or prices[1] is None:
            return None
        return Rates(*(price and Price(price) for price in prices))


def load() -> None:
    """Imports all lists; otherwise each is at its first use."""
    for vendor in ProviderName:
        models(vendor)


def find(vendor: ProviderName, model: str) -> Model | None:
    """The first entry of the vendor's list that means the model, by how it begins or by what it contains."""
    name = model.lower()
    return _first(vendor, name) or _first(vendor, _COMPACT_DAY.sub(r"-\1-\2-\3", name))


def _first(vendor: ProviderName, name: str) -> Model | None:
    return next((Model(*entry) for entry in models(vendor) if _matches(name, entry[1])), None)


def models(vendor: ProviderName) -> tuple[tuple[Any, ...], ...]:
    """The entries of a vendor's list as they were written, in its order."""
    entries: tuple[tuple[Any, ...], ...] = import_module(f"genai_price_lists.{vendor.value}").MODELS
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
