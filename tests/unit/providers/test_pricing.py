"""Test costs against figures calculated by hand from the providers' price lists.

Prices are dollars per million tokens, which is micro-dollars per token. Each vector has its calculation beside it.
"""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.dev.default_models import DEFAULT_MODELS
from nexus_ai.providers.base import ProviderName, TokenUsage
from nexus_ai.providers.pricing import ceiling, context_window, per_million, price

LAYER = str(Path(__file__).parents[3] / "layers" / "common")
OPENAI, ANTHROPIC, GOOGLE, GROQ, OPENROUTER = ProviderName


def usage(
    input_tokens: int, output_tokens: int, *, cached: int | None = None, written: int | None = None, thought: int = 0
) -> TokenUsage:
    return TokenUsage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=thought,
    )


VECTORS = [
    # OpenAI: gpt-4o-mini 0.15 in, 0.075 cached, 0.6 out
    (OPENAI, "gpt-4o-mini", usage(1_000, 500), 450),  # 150 + 300
    (OPENAI, "gpt-4o-mini", usage(1_000, 500, cached=0), 450),
    (OPENAI, "gpt-4o-mini", usage(10_000, 100, cached=8_000), 960),  # 2000*.15=300 + 8000*.075=600 + 60
    (OPENAI, "gpt-4o-mini-2024-07-18", usage(1_000_000, 0), 150_000),
    (OPENAI, "gpt-4o-mini", usage(0, 1_000_000), 600_000),
    # gpt-4o 2.5, 1.25, 10
    (OPENAI, "gpt-4o", usage(1_200, 300), 6_000),  # 3000 + 3000
    (OPENAI, "gpt-4o", usage(2_000, 50, cached=1_024), 4_220),  # 976*2.5=2440 + 1280 + 500
    # gpt-4.1 2, 0.5, 8; gpt-4.1-nano 0.1, 0.025, 0.4
    (OPENAI, "gpt-4.1", usage(500, 250), 3_000),  # 1000 + 2000
    (OPENAI, "gpt-4.1-nano", usage(2_345, 678, cached=1_024), 429),  # 132.1 + 25.6 + 271.2 = 428.9
    # gpt-5-mini 0.25, 0.025, 2; its thoughts are part of the output
    (OPENAI, "gpt-5-mini", usage(1_000, 500, thought=320), 1_250),  # 250 + 1000
    (OPENAI, "gpt-5-mini-2025-08-07", usage(4_000, 1_000, cached=3_000, thought=900), 2_325),  # 250 + 75 + 2000
    (OPENAI, "gpt-5-nano", usage(333, 777), 327),  # 16.65 + 310.8 = 327.45
    # o4-mini 1.1, 0.275, 4.4
    (OPENAI, "o4-mini", usage(1_000, 2_000, cached=400, thought=1_800), 9_570),  # 660 + 110 + 8800
    # gpt-5.4 2.5, 0.25, 15; above 272,000 tokens of input 5, 0.5, 22.5 for the whole request
    (OPENAI, "gpt-5.4", usage(272_000, 1_000), 695_000),  # 680000 + 15000
    (OPENAI, "gpt-5.4", usage(272_001, 1_000), 1_382_505),  # 1360005 + 22500
    (OPENAI, "gpt-5.4", usage(300_000, 1_000, cached=200_000), 622_500),  # 500000 + 100000 + 22500
    # gpt-6-luna 0.1, 0.01 cached, 0.125 written, 0.5
    (OPENAI, "gpt-6-luna", usage(10_000, 1_000, cached=4_000, written=5_000), 1_265),  # 100 + 40 + 625 + 500
    (OPENAI, "gpt-6-luna", usage(272_001, 1_000), 55_150),  # above 272,000 tokens 0.2 and 0.75: 54400.2 + 750
    # Anthropic: claude-haiku-5-5 0.1, 0.01 cached, 0.125 written, 0.5; above 100,000 tokens 0.5, 0.05, 0.625, 2.5
    (ANTHROPIC, "claude-haiku-5-5", usage(5_000, 1_000, cached=2_000, written=2_500), 882),  # 50 + 20 + 312.5 + 500
    (ANTHROPIC, "claude-haiku-5-5", usage(100_000, 1_000), 10_500),  # 10000 + 500
    (ANTHROPIC, "claude-haiku-5-5", usage(100_001, 1_000), 52_500),  # 50000.5 + 2500 = 52500.5, to the even one
    # claude-haiku-4-5 1, 0.1 cached, 1.25 written, 5
    (ANTHROPIC, "claude-haiku-4-5", usage(1_000, 500), 3_500),  # 1000 + 2500
    (ANTHROPIC, "claude-haiku-4-5-20251001", usage(3_000, 100, cached=2_000), 1_700),  # 1000 + 200 + 500
    (ANTHROPIC, "claude-haiku-4-5", usage(3_000, 100, written=2_000), 4_000),  # 1000 + 2500 + 500
    (ANTHROPIC, "claude-haiku-4-5", usage(5_000, 100, cached=2_000, written=2_500), 4_325),  # 500 + 200 + 3125 + 500
    # claude-sonnet-4-5 3, 0.3, 3.75, 15; above 200,000 tokens 6, 0.6, 7.5, 22.5
    (ANTHROPIC, "claude-sonnet-4-5", usage(1_000, 1_000, thought=700), 18_000),  # 3000 + 15000
    (ANTHROPIC, "claude-sonnet-4-5", usage(200_000, 1_000), 615_000),  # 600000 + 15000
    (ANTHROPIC, "claude-sonnet-4-5", usage(200_001, 1_000), 1_222_506),  # 1200006 + 22500
    # 50000*6=300000 + 100000*.6=60000 + 100000*7.5=750000 + 22500
    (ANTHROPIC, "claude-sonnet-4-5", usage(250_000, 1_000, cached=100_000, written=100_000), 1_132_500),
    # claude-opus-4-5 5, 0.5, 6.25, 25
    (ANTHROPIC, "claude-opus-4-5", usage(1_001, 11, cached=1), 5_276),  # 5000 + 0.5 + 275 = 5275.5, to the even one
    # Google: gemini-2.5-flash 0.3, 0.03, 2.5
    (GOOGLE, "gemini-2.5-flash", usage(1_000, 500), 1_550),  # 300 + 1250
    (GOOGLE, "gemini-2.5-flash", usage(1_000, 500, thought=400), 1_550),
    (GOOGLE, "gemini-2.5-flash", usage(10_000, 40, cached=9_000), 670),  # 300 + 270 + 100
    (GOOGLE, "gemini-2.5-flash-lite", usage(7, 3), 2),  # 0.7 + 1.2 = 1.9
    # gemini-2.5-pro 1.25, 0.125, 10; above 200,000 tokens 2.5, 0.25, 15
    (GOOGLE, "gemini-2.5-pro", usage(200_000, 100), 251_000),  # 250000 + 1000
    (GOOGLE, "gemini-2.5-pro", usage(200_001, 100), 501_502),  # 500002.5 + 1500 = 501502.5, to the even one
    (GOOGLE, "gemini-2.5-pro", usage(400_000, 100, cached=300_000, thought=60), 326_500),  # 250000 + 75000 + 1500
    # gemini-3.1-flash-lite 0.25, 0.025, 1.5
    (GOOGLE, "gemini-3.1-flash-lite", usage(2_000, 300, cached=1_000), 725),  # 250 + 25 + 450
    # gemini-3.5-flash-lite 0.3, 0.03, 2.5
    (GOOGLE, "gemini-3.5-flash-lite", usage(2_000, 300, cached=1_000, thought=100), 1_080),  # 300 + 30 + 750
    # Groq: gpt-oss-20b 0.075, 0.0375, 0.3
    (GROQ, "openai/gpt-oss-20b", usage(1_000, 500, thought=200), 225),  # 75 + 150
    (GROQ, "openai/gpt-oss-20b", usage(4_000, 10, cached=2_000), 228),  # 150 + 75 + 3
    # gpt-oss-120b 0.15, 0.075, 0.6; llama-3.3-70b-versatile 0.59, 0.79, without a price for cached tokens
    (GROQ, "openai/gpt-oss-120b", usage(999, 1_001), 750),  # 149.85 + 600.6 = 750.45
    (GROQ, "llama-3.3-70b-versatile", usage(1_000, 1_000), 1_380),
    (GROQ, "llama-3.3-70b-versatile", usage(1_000, 1_000, cached=600), 1_380),
    # llama-3.1-8b-instant 0.05, 0.08
    (GROQ, "llama-3.1-8b-instant", usage(100, 100), 13),  # 5 + 8
    # OpenRouter: gpt-4o-mini 0.15, 0.075, 0.6; claude-haiku-4.5 1, 0.1, 1.25, 5
    (OPENROUTER, "openai/gpt-4o-mini", usage(1_000, 500), 450),
    (OPENROUTER, "openai/gpt-4o-mini", usage(1_000, 500, cached=200), 435),  # 120 + 15 + 300
    (OPENROUTER, "anthropic/claude-haiku-4.5", usage(5_000, 100, cached=2_000, written=2_500), 4_325),
    # openai/gpt-6-luna has the prices of OpenAI
    (OPENROUTER, "openai/gpt-6-luna", usage(10_000, 1_000, cached=4_000, written=5_000), 1_265),
    # google/gemini-2.5-pro has the prices of Google
    (OPENROUTER, "google/gemini-2.5-pro", usage(200_001, 100), 501_502),
    # perplexity/sonar-deep-research 2, 8, and thoughts at 3
    (OPENROUTER, "perplexity/sonar-deep-research", usage(1_000, 1_000, thought=900), 5_500),  # 2000 + 800 + 2700
]


def test_every_provider_has_vectors_and_there_are_forty() -> None:
    assert {vector[0] for vector in VECTORS} == set(ProviderName)
    assert len(VECTORS) >= 40


@pytest.mark.parametrize(("provider", "model", "used", "micros"), VECTORS)
def test_cost_equals_the_figure_calculated_by_hand(
    provider: ProviderName, model: str, used: TokenUsage, micros: int
) -> None:
    cost = price(provider, model, used)
    assert cost is not None
    assert abs(cost - micros) <= 1


@pytest.mark.parametrize(("provider", "model", "used", "micros"), VECTORS)
def test_cost_is_at_most_the_ceiling_of_its_tokens(
    provider: ProviderName, model: str, used: TokenUsage, micros: int
) -> None:
    bound = ceiling(provider, model, used.input_tokens, used.output_tokens)
    assert bound is not None
    assert bound >= micros - 1


@pytest.mark.parametrize(
    ("provider", "model", "input_tokens", "max_output_tokens", "micros"),
    [
        (OPENAI, "gpt-4o-mini", 1_000, 500, 450),
        (OPENAI, "gpt-4o-mini", 1, 0, 1),  # 0.15, rounded up
        (OPENAI, "gpt-4o-mini", 0, 0, 0),
        (OPENAI, "gpt-6-luna", 1_000, 1_000, 625),  # written 125 + 500
        (OPENAI, "gpt-5.4", 272_000, 1_000, 695_000),  # the tier starts above
        (OPENAI, "gpt-5.4", 272_001, 1_000, 1_382_505),
        (ANTHROPIC, "claude-haiku-4-5", 1_000, 500, 3_750),  # written 1250 + 2500
        (ANTHROPIC, "claude-sonnet-4-5", 200_001, 1_000, 1_522_508),  # 7.5 * 200001 = 1500007.5 + 22500
        (GOOGLE, "gemini-2.5-pro", 200_001, 100, 501_503),  # 501502.5, rounded up
        (GROQ, "llama-3.1-8b-instant", 101, 100, 14),  # 5.05 + 8, rounded up
        (
            OPENROUTER,
            "google/gemini-2.5-flash",
            1_000,
            100,
            550,
        ),  # writing is cheaper there than plain input: 300 + 250
        (OPENROUTER, "perplexity/sonar-deep-research", 1_000, 1_000, 10_000),  # thoughts are cheaper: 2000 + 8000
    ],
)
def test_ceiling_is_the_most_expensive_case_rounded_up(
    provider: ProviderName, model: str, input_tokens: int, max_output_tokens: int, micros: int
) -> None:
    assert ceiling(provider, model, input_tokens, max_output_tokens) == micros


MODELS = sorted({(provider, model) for provider, model, _, _ in VECTORS})


@given(st.sampled_from(MODELS), st.data())
def test_usage_within_bounds_costs_at_most_the_ceiling(name: tuple[ProviderName, str], data: st.DataObject) -> None:
    most_input, most_output = (data.draw(st.integers(0, 600_000)) for _ in range(2))
    input_tokens = data.draw(st.integers(0, most_input))
    cached = data.draw(st.integers(0, input_tokens))
    used = usage(
        input_tokens,
        data.draw(st.integers(0, most_output)),
        cached=cached,
        written=data.draw(st.integers(0, input_tokens - cached)),
    )
    cost, bound = price(*name, used), ceiling(*name, most_input, most_output)
    assert cost is not None
    assert bound is not None
    assert cost <= bound


# Dollars per million input and output tokens, from each provider's price page.
DEFAULT_PRICES = {
    (OPENAI, "gpt-6-luna"): ("0.1", "0.5"),  # https://developers.openai.com/api/docs/models/gpt-6-luna
    # https://platform.claude.com/docs/en/models/haiku-5-5/overview
    (ANTHROPIC, "claude-haiku-5-5"): ("0.1", "0.5"),
    (GOOGLE, "gemini-3.5-flash-lite"): ("0.3", "2.5"),  # https://ai.google.dev/gemini-api/docs/pricing
    (GROQ, "openai/gpt-oss-20b"): ("0.075", "0.3"),  # https://console.groq.com/docs/models
    (OPENROUTER, "openai/gpt-6-luna"): ("0.1", "0.5"),  # https://openrouter.ai/openai/gpt-6-luna
}


@pytest.mark.parametrize(("provider", "model"), DEFAULT_MODELS.items())
def test_default_model_has_the_price_of_its_providers_page(provider: ProviderName, model: str) -> None:
    expected = DEFAULT_PRICES[provider, model]
    assert per_million(provider, model) == (Decimal(expected[0]), Decimal(expected[1]))
    assert (context_window(provider, model) or 0) > 100_000


def test_reported_cost_wins() -> None:
    reported = TokenUsage(input_tokens=1_000, output_tokens=500, cost_micros=17)
    assert price(OPENROUTER, "openai/gpt-4o-mini", reported) == 17
    assert price(OPENROUTER, "unknown/model", reported) == 17
    assert price(OPENROUTER, "openai/gpt-4o-mini", reported.model_copy(update={"cost_micros": 0})) == 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (OPENAI, "gpt-unknown-99"),
        (OPENAI, ""),
        (OPENAI, "gpt-5-nano-ultra"),  # the list matches every name that starts with gpt-5-nano-
        (OPENAI, "omni-moderation-latest"),
        (OPENAI, "text-embedding-3-small"),  # no price for output
        (OPENAI, "ft:gpt-4o-2024-08-06:acme::abc123"),
        (ANTHROPIC, "claude-haiku-4-5-ultra"),
        (ANTHROPIC, "claude-opus-9"),
        (GOOGLE, "gemini-2.5-pro-max"),
        (GOOGLE, "gemma-3-27b-it"),  # listed without a price
        (GROQ, "whisper-large-v3"),  # priced by the hour
        (OPENROUTER, "openai/gpt-4o-mini:online"),  # searches cost extra
        (OPENROUTER, "meta-llama/llama-3.3-70b-instruct:free"),
    ],
)
def test_unknown_price_is_none_and_not_zero(provider: ProviderName, model: str) -> None:
    assert price(provider, model, usage(1_000, 500)) is None
    assert ceiling(provider, model, 1_000, 500) is None


@pytest.mark.parametrize(
    ("provider", "model", "same_as"),
    [
        (OPENAI, "gpt-5-mini-2025-08-07", "gpt-5-mini"),
        (OPENAI, "GPT-5-mini", "gpt-5-mini"),
        (OPENAI, "gpt-5-nano-2025-08-07", "gpt-5-nano"),
        (ANTHROPIC, "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        (ANTHROPIC, "claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        # additional names in the list
        (ANTHROPIC, "claude-opus-4", "claude-opus-4-0"),
        (ANTHROPIC, "claude-3-7-sonnet", "claude-3-7-sonnet-latest"),
        (ANTHROPIC, "claude-v2", "claude-2"),
        (GOOGLE, "gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        (OPENROUTER, "anthropic/claude-haiku-4.5-20251001", "anthropic/claude-haiku-4.5"),
    ],
)
def test_version_of_a_model_has_the_price_of_the_model(provider: ProviderName, model: str, same_as: str) -> None:
    used = usage(123_456, 7_890)
    assert price(provider, model, used) == price(provider, same_as, used) is not None


def test_parts_larger_than_their_total_are_cut() -> None:
    # All 1000 cached: 1000 * 0.1 + 500 * 5
    assert price(ANTHROPIC, "claude-haiku-4-5", usage(1_000, 500, cached=2_000, written=9, thought=900)) == 2_600


def test_per_million_is_the_first_price_tier() -> None:
    assert per_million(OPENAI, "gpt-4o-mini") == (Decimal("0.15"), Decimal("0.6"))
    assert per_million(ANTHROPIC, "claude-sonnet-4-5") == (Decimal(3), Decimal(15))  # 6 and 22.5 above 200,000 tokens
    assert per_million(OPENAI, "gpt-unknown-99") is None


def test_call_without_thinking_tokens_pays_for_none() -> None:
    # 2 + 8: a thinking token would be 3.
    reported = TokenUsage(input_tokens=1, output_tokens=1)
    assert price(OPENROUTER, "perplexity/sonar-deep-research", reported) == 10


def test_context_window_is_that_of_the_list() -> None:
    assert context_window(OPENAI, "gpt-5-mini") == 400_000
    assert context_window(ANTHROPIC, "claude-haiku-4-5") == 200_000
    assert context_window(GROQ, "openai/gpt-oss-20b") == 131_072
    assert context_window(GROQ, "llama-3.3-70b-versatile") is None
    assert context_window(OPENAI, "gpt-unknown-99") is None


def test_registry_and_pricing_import_no_sdk_or_price_list() -> None:
    heavy = ["openai", "anthropic", "groq", "google.genai", "genai_price_lists", "httpx", "httpx2"]
    code = (
        "import sys, nexus_ai.providers.registry, nexus_ai.providers.pricing;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": LAYER}
    )
    assert run.stdout.strip() == "[]"
