"""Test what the simulated providers return to the providers' own SDKs."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest

from local.providers.behaviours import Answer, Fail, Usage
from local.providers.faults import Misbehaviour
from local.providers.server import SimulatedProviders
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.provider_sdks import (
    KEY,
    SDK_ERRORS,
    anthropic_client,
    ask,
    close_clients,
    complete,
    every_provider,
    finish_of,
    google_client,
    groq_client,
    openai_client,
    send,
    status_of,
    structured,
    text_of,
)

COPY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["variations", "tone"],
    "properties": {
        "variations": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Variation"}},
        "tone": {"enum": ["formal", "casual"]},
    },
    "$defs": {
        "Variation": {
            "type": "object",
            "additionalProperties": False,
            "required": ["body", "hashtags"],
            "properties": {"body": {"type": "string"}, "hashtags": {"type": "array", "items": {"type": "string"}}},
        }
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedProviders]:
    with SimulatedProviders() as providers:
        yield providers
    close_clients()


@pytest.fixture
def providers(server: SimulatedProviders) -> SimulatedProviders:
    server.reset()
    return server


@every_provider
def test_text_is_marked_as_simulated_in_the_prompts_language(providers: SimulatedProviders, name: ProviderName) -> None:
    portuguese = text_of(name, ask(providers, name, "Escreva um anúncio sobre o nosso curso para empresas"))
    english = text_of(name, ask(providers, name, "Write an advertisement about our course for managers"))
    assert portuguese.startswith("[simulado] ")
    assert english.startswith("[simulated] ")


@every_provider
def test_same_prompt_gives_the_same_text(providers: SimulatedProviders, name: ProviderName) -> None:
    texts = [text_of(name, ask(providers, name, f"Variante {number}")) for number in range(6)]
    assert len(set(texts)) > 1
    assert text_of(name, ask(providers, name, "Variante 0")) == texts[0]


@every_provider
def test_structured_completion_keeps_its_schema(providers: SimulatedProviders, name: ProviderName) -> None:
    data = json.loads(text_of(name, ask(providers, name, **structured(name, COPY_SCHEMA))))
    assert data.keys() == {"variations", "tone"}
    assert data["tone"] in {"formal", "casual"}
    assert data["variations"][0].keys() == {"body", "hashtags"}
    assert "simulado" in data["variations"][0]["body"]
    assert data["variations"][0]["hashtags"][0] == "#simulado"


def test_google_reads_its_own_schema_dialect(providers: SimulatedProviders) -> None:
    schema = {"type": "OBJECT", "properties": {"title": {"type": "STRING", "nullable": True}}, "required": ["title"]}
    completion = ask(providers, ProviderName.GOOGLE, response_mime_type="application/json", response_schema=schema)
    assert "simulado" in json.loads(text_of(ProviderName.GOOGLE, completion))["title"]


def test_schema_in_the_prompt_is_followed_in_json_mode(providers: SimulatedProviders) -> None:
    prompt = f"Answer as JSON by this schema: {json.dumps(COPY_SCHEMA)} and {{nothing else}}"
    completion = ask(providers, ProviderName.GROQ, prompt, response_format={"type": "json_object"})
    assert json.loads(text_of(ProviderName.GROQ, completion)).keys() == {"variations", "tone"}


@pytest.mark.parametrize("name", [ProviderName.OPENAI, ProviderName.ANTHROPIC, ProviderName.GROQ])
def test_schema_with_open_objects_is_refused(providers: SimulatedProviders, name: ProviderName) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    with pytest.raises(SDK_ERRORS) as caught:
        ask(providers, name, **structured(name, schema))
    assert status_of(caught.value) == 400


def test_anthropic_refuses_bounds_that_it_does_not_support(providers: SimulatedProviders) -> None:
    part = {"a": {"type": "string", "maxLength": 5}}
    schema = {"type": "object", "properties": part, "required": ["a"], "additionalProperties": False}
    with pytest.raises(anthropic.BadRequestError):
        ask(providers, ProviderName.ANTHROPIC, **structured(ProviderName.ANTHROPIC, schema))
    assert ask(providers, ProviderName.OPENAI, **structured(ProviderName.OPENAI, schema))


@pytest.mark.parametrize(
    ("name", "field", "finish"),
    [
        (ProviderName.OPENAI, "max_completion_tokens", "length"),
        (ProviderName.ANTHROPIC, "max_tokens", "max_tokens"),
        (ProviderName.GOOGLE, "max_output_tokens", "MAX_TOKENS"),
        (ProviderName.GROQ, "max_completion_tokens", "length"),
        (ProviderName.OPENROUTER, "max_tokens", "length"),
    ],
)
def test_completion_over_its_tokens_is_cut_with_finish_length(
    providers: SimulatedProviders, name: ProviderName, field: str, finish: str
) -> None:
    providers.script(name, Answer(text="çã" * 10))
    bound: dict[str, Any] = {field: 3}
    completion = ask(providers, name, **bound)
    assert text_of(name, completion) == "çãçãçã"
    assert finish_of(name, completion) == finish


@pytest.mark.parametrize(("misbehaviour", "finish"), [("truncated", "length"), ("prose", "stop")])
def test_model_misbehaves_as_scripted(providers: SimulatedProviders, misbehaviour: str, finish: str) -> None:
    good = text_of(ProviderName.OPENAI, ask(providers, ProviderName.OPENAI))
    providers.script(ProviderName.OPENAI, Answer(misbehaviour=Misbehaviour(misbehaviour)))
    completion = ask(providers, ProviderName.OPENAI)
    bad = text_of(ProviderName.OPENAI, completion)
    assert finish_of(ProviderName.OPENAI, completion) == finish
    assert good != bad
    assert bad in good or good in bad


@every_provider
def test_scripted_completion_is_returned_unchanged(providers: SimulatedProviders, name: ProviderName) -> None:
    providers.script(name, Answer(text="Exato."), Answer(data={"a": [1, None]}))
    assert text_of(name, ask(providers, name)) == "Exato."
    assert json.loads(text_of(name, ask(providers, name))) == {"a": [1, None]}
    assert "simulado" in text_of(name, ask(providers, name))


@every_provider
def test_empty_completion_has_usage(providers: SimulatedProviders, name: ProviderName) -> None:
    providers.script(name, Fail(FailureKind.EMPTY))
    completion = ask(providers, name)
    match name:
        case ProviderName.ANTHROPIC:
            assert completion["content"] == []
            assert completion["usage"]["input_tokens"] > 0
        case ProviderName.GOOGLE:
            assert not completion["candidates"][0]["content"]["parts"]
            assert completion["usage_metadata"]["prompt_token_count"] > 0
        case _:
            assert completion["choices"][0]["message"]["content"] == ""
            assert completion["usage"]["prompt_tokens"] > 0


@every_provider
def test_blocked_completion_has_the_providers_shape_and_usage(
    providers: SimulatedProviders, name: ProviderName
) -> None:
    providers.script(name, Fail(FailureKind.BLOCKED))
    completion = ask(providers, name)
    match name:
        case ProviderName.ANTHROPIC:
            assert (completion["stop_reason"], completion["stop_details"]["type"]) == ("refusal", "refusal")
            assert completion["usage"]["input_tokens"] > 0
        case ProviderName.GOOGLE:
            assert completion["prompt_feedback"]["block_reason"] == "SAFETY"
            assert completion["candidates"] is None
            assert completion["usage_metadata"]["prompt_token_count"] > 0
        case ProviderName.OPENAI:
            assert completion["choices"][0]["message"]["refusal"]
            assert completion["usage"]["prompt_tokens"] > 0
        case _:
            assert completion["choices"][0]["finish_reason"] == "content_filter"
            assert completion["usage"]["prompt_tokens"] > 0


def test_completion_may_be_blocked_in_the_middle(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.GOOGLE, Answer(text="Meio", finish="blocked"))
    completion = ask(providers, ProviderName.GOOGLE)
    assert (text_of(ProviderName.GOOGLE, completion), finish_of(ProviderName.GOOGLE, completion)) == ("Meio", "SAFETY")


def test_tokens_are_counted_from_the_bytes_of_all_texts(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.OPENAI, Answer(text="12345"))
    system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "ç" * 8}
    usage = ask(providers, ProviderName.OPENAI, messages=[system, user])["usage"]
    # Nine and sixteen bytes are 25, which are seven tokens; the format adds eight.
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (15, 2, 17)


REPORTED_USAGE = Usage(input_tokens=100, output_tokens=50, cached_tokens=30, cache_write_tokens=20, reasoning_tokens=40)


@pytest.mark.parametrize("name", [ProviderName.OPENAI, ProviderName.GROQ, ProviderName.OPENROUTER])
def test_chat_usage_includes_cached_and_reasoning_tokens(providers: SimulatedProviders, name: ProviderName) -> None:
    providers.script(name, Answer(usage=REPORTED_USAGE))
    usage = ask(providers, name)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (100, 50, 150)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 30
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 40


def test_anthropic_usage_excludes_cached_tokens(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.ANTHROPIC, Answer(usage=REPORTED_USAGE))
    usage = ask(providers, ProviderName.ANTHROPIC)["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (50, 50)
    assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (30, 20)
    assert usage["output_tokens_details"]["thinking_tokens"] == 40


def test_google_usage_excludes_thoughts(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.GOOGLE, Answer(usage=REPORTED_USAGE))
    usage = ask(providers, ProviderName.GOOGLE)["usage_metadata"]
    assert (usage["prompt_token_count"], usage["cached_content_token_count"]) == (100, 30)
    assert (usage["candidates_token_count"], usage["thoughts_token_count"]) == (10, 40)
    assert usage["total_token_count"] == 150


def test_openrouter_reports_its_cost_in_dollars(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.OPENROUTER, Answer(usage=Usage(input_tokens=1000, output_tokens=500)))
    cost = ask(providers, ProviderName.OPENROUTER)["usage"]["cost"]
    assert Decimal(str(cost)) == Decimal("0.0003")


@every_provider
def test_provider_may_report_no_usage(providers: SimulatedProviders, name: ProviderName) -> None:
    providers.script(name, Answer(text="Oi", reports_usage=False))
    _, _, body = complete(providers, name)
    assert not {"usage", "usageMetadata"} & json.loads(body).keys()


def test_contradictory_usage_is_refused() -> None:
    with pytest.raises(ValueError, match="includes the cached"):
        Usage(input_tokens=1, cached_tokens=2)
    with pytest.raises(ValueError, match="includes the reasoning"):
        Usage(output_tokens=1, reasoning_tokens=2)


def test_models_are_listed_in_each_providers_shape(providers: SimulatedProviders) -> None:
    urls = providers.base_urls()
    gpt = openai_client(urls[ProviderName.OPENAI])
    assert "gpt-6-luna" in [model.id for model in gpt.models.list()]
    assert gpt.models.retrieve("gpt-6-luna").id == "gpt-6-luna"
    with pytest.raises(openai.NotFoundError):
        gpt.models.retrieve("unknown")
    claude = anthropic_client(urls[ProviderName.ANTHROPIC])
    assert "claude-haiku-5-5" in [model.id for model in claude.models.list()]
    fast = groq_client(urls[ProviderName.GROQ])
    assert "openai/gpt-oss-20b" in [model.id for model in fast.models.list().data]
    assert fast.models.retrieve("openai/gpt-oss-20b").id == "openai/gpt-oss-20b"
    gemini = google_client(urls[ProviderName.GOOGLE])
    assert "models/gemini-3.5-flash-lite" in [model.name for model in gemini.models.list()]


def test_openrouter_lists_models_without_a_key(providers: SimulatedProviders) -> None:
    status, _, body = send(providers, "GET", "/openrouter/api/v1/models")
    assert status == 200
    model = json.loads(body)["data"][0]
    assert (model["pricing"]["prompt"], model["context_length"]) == ("0.0000001", 131_072)
    for path in ("/openrouter/api/v1/models/user", "/openrouter/api/v1/key"):
        assert send(providers, "GET", path)[0] == 401
        assert send(providers, "GET", path, authorization=f"Bearer {KEY}")[0] == 200
