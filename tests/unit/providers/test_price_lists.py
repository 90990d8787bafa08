"""Test the price lists made at build time against the library that they come from."""

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage
from genai_prices.data import providers
from genai_prices.types import ModelInfo, StartDateConstraint, TieredPrices
from genai_prices.types import ModelPrice as ListedPrices

from local.template import ROOT
from nexus_ai.platform.money import micros_from_dollars
from nexus_ai.providers import price_lists, pricing
from nexus_ai.providers.base import ProviderName, TokenUsage

LISTS = {name: next(each for each in providers if each.id == name.value) for name in ProviderName}
NAMED_BY = ("equals", "starts_with", "contains", "ends_with")
KINDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok")
# Input, cached, written to the cache, output, thinking.
COUNTS = [
    (1_234, 0, 0, 567, 0),
    (100_000, 60_000, 30_000, 900, 300),
    (300_000, 200_000, 1, 1, 1),
    (1_000_001, 0, 9, 0, 0),
]


def make_lists_command() -> list[str]:
    return [sys.executable, str(ROOT / "layers" / "common" / "make_price_lists.py")]


def listed_names(info: ModelInfo) -> set[str]:
    """Return all possible names of a model by its rule, and names that are similar."""
    names = {info.id}
    parts: list[Any] = [info.match]
    for part in parts:
        parts += getattr(part, "or_", None) or getattr(part, "and_", None) or ()
        names |= {getattr(part, kind) for kind in NAMED_BY if hasattr(part, kind)}
    for suffix in ("-2025-08-07", "-20250807", "-latest", "-tts", "-ultra"):
        names.add(info.id + suffix)
    return names


@pytest.mark.parametrize(
    "provider",
    # OpenRouter has the models of all the others.
    [pytest.param(name, marks=[pytest.mark.slow] if name is ProviderName.OPENROUTER else []) for name in ProviderName],
)
def test_name_finds_the_same_entry_as_in_the_library(provider: ProviderName) -> None:
    names = {name for info in LISTS[provider].models for name in listed_names(info)}
    assert len(names) > 6 * len(LISTS[provider].models)
    for name in names:
        expected = LISTS[provider].find_model(name)
        found = price_lists.find(provider, name.upper())
        assert (found and found.name) == (expected and expected.id), name


@pytest.mark.parametrize("provider", ProviderName)
def test_every_price_of_every_day_equals_the_librarys(provider: ProviderName) -> None:
    for entry, info in zip(price_lists.models(provider), LISTS[provider].models, strict=True):
        model = price_lists.Model(*entry)
        assert (model.name, model.context_window) == (info.id, info.context_window)
        for day in days(info):
            expected = info.get_prices(datetime.combine(day, time(12), UTC))
            rates = model.rates(day)
            if expected.input_mtok is None or expected.output_mtok is None:
                assert rates is None, info.id
            else:
                assert rates is not None, info.id
                assert [tiers_of(each) for each in rates] == [tiers(expected, kind) for kind in KINDS], (info.id, day)


def days(info: ModelInfo) -> set[date]:
    """Return each first day of a price, the day before it, and today."""
    begins = [each.constraint for each in info.prices] if isinstance(info.prices, list) else []
    first = [each.start_date for each in begins if isinstance(each, StartDateConstraint)]
    return {datetime.now(UTC).date(), *first, *(day - timedelta(days=1) for day in first)}


def tiers_of(price: price_lists.Price | None) -> list[tuple[int, Decimal]] | None:
    return price.tiers if price else None


def tiers(prices: ListedPrices, kind: str) -> list[tuple[int, Decimal]] | None:
    price = getattr(prices, kind)
    if isinstance(price, TieredPrices):
        return [(-1, price.base), *((tier.start, tier.price) for tier in price.tiers)]
    return None if price is None else [(-1, price)]


@pytest.mark.parametrize("provider", ProviderName)
def test_cost_of_every_model_equals_the_librarys(provider: ProviderName) -> None:
    known = 0
    for info in LISTS[provider].models:
        if LISTS[provider].find_model(info.id) is not info or pricing.per_million(provider, info.id) is None:
            continue
        known += 1
        for input_tokens, cached, written, output_tokens, thought in COUNTS:
            usage = TokenUsage(
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cached_input_tokens=cached,
                cache_write_tokens=written,
                reasoning_tokens=thought,
            )
            counted = Usage(
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cache_read_tokens=cached,
                cache_write_tokens=written,
                output_reasoning_tokens=thought,
            )
            expected = info.calc_price(counted, LISTS[provider]).total_price
            assert pricing.price(provider, info.id, usage) == micros_from_dollars(expected), info.id
    assert known > len(LISTS[provider].models) / 2


def make_lists_with(folder: Path, model: str) -> subprocess.CompletedProcess[str]:
    """Make the price lists from a library that has one model of one provider."""
    (folder / "genai_prices").mkdir()
    others = [f"Provider(id='{name}', models=[])" for name in ProviderName if name is not ProviderName.GROQ]
    text = f"providers: list[Provider] = [Provider(id='groq', models=[{model}]), {', '.join(others)}]"
    (folder / "genai_prices" / "data.py").write_text(text)
    return subprocess.run([*make_lists_command(), str(folder)], capture_output=True, text=True, check=False)


def entry(prices: str) -> str:
    return f"ModelInfo(id='A', match=ClauseEquals(equals='A'), prices={prices})"


def test_list_is_made_without_importing_the_library(tmp_path: Path) -> None:
    done = make_lists_with(
        tmp_path, entry("ModelPrice(input_mtok=Decimal('1.5'), output_mtok=None, audio_hours=Decimal(2))")
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "genai_price_lists" / "groq.py").read_text()
    assert text == "MODELS = (('A', ('equals', 'a'), None, ((None, (((-1, '1.5'),), None, None, None, None)),)),)\n"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (entry("ModelPrice(requests_kcount=Decimal('1'))"), "prices of unknown kinds: ['requests_kcount']"),
        (
            entry("[ConditionalPrice(constraint=TimeOfDateConstraint(start_time=None), prices=ModelPrice())]"),
            "price under an unknown condition",
        ),
        (entry("prices_of('A')"), "genai-prices contains an unknown expression: prices_of('A')"),
        ("ModelInfo(id='A', match=ClauseLike(like='A'))", "ClauseLike"),
    ],
)
def test_unknown_form_of_a_price_makes_no_list(tmp_path: Path, model: str, why: str) -> None:
    done = make_lists_with(tmp_path, model)
    assert done.returncode != 0
    assert why in done.stderr
    assert not (tmp_path / "genai_price_lists").exists()
