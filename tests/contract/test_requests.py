"""What each adapter sends: word for word, to the right place, with this call's key and no other."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast

import pytest

from nexus_ai.platform.settings import Settings
from nexus_ai.providers.base import Message, Prompt, ProviderName
from nexus_ai.providers.registry import get_provider
from tests.contract.adapters import KEY, MODELS, PROMPT, STRUCTURED, Called
from tests.contract.wire import Asked, Wire, answers, payload

type Json = dict[str, Any]

REQUESTS: Final = Path(__file__).parent / "requests"
# What says who calls, beside what the vendor needs: the SDK's name and version, and how long the body is.
PASSING: Final = frozenset({"user-agent", "content-length"})
# OpenAI's models that think refuse a temperature while they do, and all of these take a low effort:
# https://developers.openai.com/api/docs/guides/deployment-checklist
THINKING: Final = ("gpt-6-luna", "gpt-6.1-terra", "gpt-6.1-sol", "gpt-6-astra", "gpt-5.6-luna", "o4-mini")
EFFORTS: Final[dict[ProviderName, tuple[str, Json]]] = {
    ProviderName.OPENAI: ("", {"reasoning_effort": "low"}),
    ProviderName.OPENROUTER: ("openai/", {"reasoning": {"effort": "low"}}),
}
# Models that heed a temperature.
SAMPLING: Final = (
    (ProviderName.OPENAI, "gpt-4.1-mini"),
    (ProviderName.OPENAI, "ft:gpt-4.1-mini-2025-04-14:acme::B9MBs8Cj"),
    (ProviderName.GROQ, "openai/gpt-oss-20b"),
    (ProviderName.OPENROUTER, "meta-llama/llama-3.3-70b-instruct"),
)


def asked(called: Called, vendor: Wire, prompt: Prompt, model: str | None = None) -> Asked:
    vendor.plays(answers(payload(called.name, "text")))
    called.complete(prompt, model=model)
    (request,) = vendor.asked
    return request


@pytest.mark.parametrize(("case", "prompt"), [("text", PROMPT), ("structured", STRUCTURED)])
def test_a_request_is_word_for_word_what_the_vendor_documents(
    called: Called, vendor: Wire, case: str, prompt: Prompt
) -> None:
    documented = json.loads((REQUESTS / called.name.value / f"{case}.json").read_bytes())

    request = asked(called, vendor, prompt)

    headers = {name: value for name, value in request.headers.items() if name not in PASSING}
    host = {"host": vendor.url.removeprefix("http://")}
    assert {"method": request.method, "target": request.target, "body": request.body} == {
        name: documented[name] for name in ("method", "target", "body")
    }
    assert headers == documented["headers"] | host


def test_the_key_stands_in_one_header_and_nowhere_else(called: Called, vendor: Wire) -> None:
    request = asked(called, vendor, PROMPT)

    assert [value.removeprefix("Bearer ") for value in request.headers.values() if KEY in value] == [KEY]
    assert KEY not in request.target
    assert KEY not in json.dumps(request.body)


def test_a_prompt_without_a_system_text_has_no_empty_one(called: Called, vendor: Wire) -> None:
    body = asked(called, vendor, PROMPT.model_copy(update={"system": ""})).body

    assert "system" not in json.dumps(body).lower()


def test_a_temperature_is_sent_only_where_one_is_asked_for(called: Called, vendor: Wire) -> None:
    body = asked(called, vendor, PROMPT.model_copy(update={"temperature": None})).body

    assert "temperature" not in json.dumps(body)


def test_text_is_sent_as_it_is(called: Called, vendor: Wire) -> None:
    odd = 'Preço: R$ 9,90 \\ "já" {{nome}}\n\t☕👩🏽‍💻 <b>&amp;</b> \u0000 \ufeff'
    prompt = PROMPT.model_copy(update={"messages": (Message(role="user", text=odd),)})

    assert odd in _texts(asked(called, vendor, prompt).body)


@pytest.mark.parametrize("model", THINKING)
@pytest.mark.parametrize("name", list(EFFORTS), indirect=True)
def test_a_model_that_thinks_is_sent_no_temperature_and_asked_to_think_little(
    called: Called, vendor: Wire, model: str
) -> None:
    prefix, effort = EFFORTS[called.name]

    body = asked(called, vendor, PROMPT, prefix + model).body

    assert "temperature" not in body
    assert {member: body[member] for member in effort} == effort


@pytest.mark.parametrize(("name", "model"), SAMPLING, indirect=["name"])
def test_a_model_that_samples_is_sent_the_temperature(called: Called, vendor: Wire, model: str) -> None:
    assert asked(called, vendor, PROMPT, model).body["temperature"] == PROMPT.temperature


@pytest.mark.parametrize("name", [ProviderName.GROQ], indirect=True)
def test_a_model_without_structured_outputs_is_shown_the_schema_in_json_mode(called: Called, vendor: Wire) -> None:
    body = asked(called, vendor, STRUCTURED, "llama-3.3-70b-versatile").body

    assert body["response_format"] == {"type": "json_object"}
    assert '"maxLength":60' in body["messages"][0]["content"]
    assert "reasoning_effort" not in body


def test_keys_of_calls_side_by_side_never_mix(operator: Settings, vendor: Wire, name: ProviderName) -> None:
    """Each call's key is named in its prompt, so that a request tells whose it is."""
    vendor.plays(answers(payload(name, "text")))
    adapter = get_provider(name)
    keys = [f"sk-tenant-{number:04}-key" for number in range(60)]

    def call(key: str) -> None:
        prompt = PROMPT.model_copy(update={"messages": (Message(role="user", text=f"mine is {key}"),)})
        adapter.complete(prompt, model=MODELS[name], api_key=key, timeout_s=20)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(call, keys))

    told = [[key for key in keys if f"mine is {key}" in _texts(request.body)] for request in vendor.asked]
    sent = [[key for key in keys if key in " ".join(request.headers.values())] for request in vendor.asked]
    assert sent == told
    assert sorted(sent) == [[key] for key in keys]


def test_an_adapter_is_made_once_for_one_address(operator: Settings, name: ProviderName) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(get_provider, [name] * 8))

    assert {id(adapter) for adapter in made} == {id(get_provider(name))}


def _texts(content: Any) -> list[str]:
    """Every string in a body, in order."""
    match content:
        case str():
            return [content]
        case dict():
            return _texts([*cast("Json", content).values()])
        case list():
            return [text for part in cast("Sequence[Any]", content) for text in _texts(part)]
        case _:
            return []
