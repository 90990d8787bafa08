"""Test what each adapter sends: the documented request, to the right URL, with this call's key only."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast

import pytest

from nexus_ai.platform.settings import Settings
from nexus_ai.providers.base import Message, Prompt, ProviderName
from nexus_ai.providers.registry import get_provider
from tests.contract.adapters import KEY, MODELS, PROMPT, STRUCTURED, AdapterClient
from tests.contract.wire import ProviderServer, ReceivedRequest, payload, responds

type Json = dict[str, Any]

REQUESTS: Final = Path(__file__).parent / "requests"
# Headers of the SDK that change with its version, and the length of the body.
CHANGING_HEADERS: Final = frozenset({"user-agent", "content-length"})
# OpenAI's thinking models reject a temperature while they think, and all of these accept a low effort:
# https://developers.openai.com/api/docs/guides/deployment-checklist
THINKING: Final = ("gpt-6-luna", "gpt-6.1-terra", "gpt-6.1-sol", "gpt-6-astra", "gpt-5.6-luna", "o4-mini")
EFFORTS: Final[dict[ProviderName, tuple[str, Json]]] = {
    ProviderName.OPENAI: ("", {"reasoning_effort": "low"}),
    ProviderName.OPENROUTER: ("openai/", {"reasoning": {"effort": "low"}}),
}
# Models that use a temperature.
SAMPLING: Final = (
    (ProviderName.OPENAI, "gpt-4.1-mini"),
    (ProviderName.OPENAI, "ft:gpt-4.1-mini-2025-04-14:acme::B9MBs8Cj"),
    (ProviderName.GROQ, "openai/gpt-oss-20b"),
    (ProviderName.OPENROUTER, "meta-llama/llama-3.3-70b-instruct"),
)


def sent_request(
    client: AdapterClient, server: ProviderServer, prompt: Prompt, model: str | None = None
) -> ReceivedRequest:
    server.set_behaviour(responds(payload(client.name, "text")))
    client.complete(prompt, model=model)
    (request,) = server.requests
    return request


@pytest.mark.parametrize(("case", "prompt"), [("text", PROMPT), ("structured", STRUCTURED)])
def test_request_is_exactly_as_documented(
    client: AdapterClient, server: ProviderServer, case: str, prompt: Prompt
) -> None:
    documented = json.loads((REQUESTS / client.name.value / f"{case}.json").read_bytes())

    request = sent_request(client, server, prompt)

    headers = {name: value for name, value in request.headers.items() if name not in CHANGING_HEADERS}
    host = {"host": server.url.removeprefix("http://")}
    assert {"method": request.method, "target": request.target, "body": request.body} == {
        name: documented[name] for name in ("method", "target", "body")
    }
    assert headers == documented["headers"] | host


def test_key_is_in_one_header_only(client: AdapterClient, server: ProviderServer) -> None:
    request = sent_request(client, server, PROMPT)

    assert [value.removeprefix("Bearer ") for value in request.headers.values() if KEY in value] == [KEY]
    assert KEY not in request.target
    assert KEY not in json.dumps(request.body)


def test_missing_system_text_is_not_sent(client: AdapterClient, server: ProviderServer) -> None:
    body = sent_request(client, server, PROMPT.model_copy(update={"system": ""})).body

    assert "system" not in json.dumps(body).lower()


def test_temperature_is_sent_only_if_requested(client: AdapterClient, server: ProviderServer) -> None:
    body = sent_request(client, server, PROMPT.model_copy(update={"temperature": None})).body

    assert "temperature" not in json.dumps(body)


def test_text_is_sent_unchanged(client: AdapterClient, server: ProviderServer) -> None:
    odd_text = 'Preço: R$ 9,90 \\ "já" {{nome}}\n\t☕👩🏽‍💻 <b>&amp;</b> \u0000 \ufeff'
    prompt = PROMPT.model_copy(update={"messages": (Message(role="user", text=odd_text),)})

    assert odd_text in _texts(sent_request(client, server, prompt).body)


@pytest.mark.parametrize("model", THINKING)
@pytest.mark.parametrize("name", list(EFFORTS), indirect=True)
def test_thinking_model_is_sent_low_effort_and_no_temperature(
    client: AdapterClient, server: ProviderServer, model: str
) -> None:
    prefix, effort = EFFORTS[client.name]

    body = sent_request(client, server, PROMPT, prefix + model).body

    assert "temperature" not in body
    assert {member: body[member] for member in effort} == effort


@pytest.mark.parametrize(("name", "model"), SAMPLING, indirect=["name"])
def test_sampling_model_is_sent_the_temperature(client: AdapterClient, server: ProviderServer, model: str) -> None:
    assert sent_request(client, server, PROMPT, model).body["temperature"] == PROMPT.temperature


@pytest.mark.parametrize("name", [ProviderName.GROQ], indirect=True)
def test_schema_is_in_the_prompt_without_structured_outputs(client: AdapterClient, server: ProviderServer) -> None:
    body = sent_request(client, server, STRUCTURED, "llama-3.3-70b-versatile").body

    assert body["response_format"] == {"type": "json_object"}
    assert '"maxLength":60' in body["messages"][0]["content"]
    assert "reasoning_effort" not in body


def test_keys_of_concurrent_calls_never_mix(
    provider_settings: Settings, server: ProviderServer, name: ProviderName
) -> None:
    """Put each call's key into its prompt, so that a request shows which call made it."""
    server.set_behaviour(responds(payload(name, "text")))
    adapter = get_provider(name)
    keys = [f"sk-tenant-{number:04}-key" for number in range(60)]

    def call(key: str) -> None:
        prompt = PROMPT.model_copy(update={"messages": (Message(role="user", text=f"mine is {key}"),)})
        adapter.complete(prompt, model=MODELS[name], api_key=key, timeout_s=20)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(call, keys))

    expected = [[key for key in keys if f"mine is {key}" in _texts(request.body)] for request in server.requests]
    sent = [[key for key in keys if key in " ".join(request.headers.values())] for request in server.requests]
    assert sent == expected
    assert sorted(sent) == [[key] for key in keys]


def test_adapter_is_created_once_per_address(provider_settings: Settings, name: ProviderName) -> None:
    with ThreadPoolExecutor(4) as threads:
        adapters = list(threads.map(get_provider, [name] * 8))

    assert {id(adapter) for adapter in adapters} == {id(get_provider(name))}


def _texts(content: Any) -> list[str]:
    """Return every string in a body, in order."""
    match content:
        case str():
            return [content]
        case dict():
            return _texts([*cast("Json", content).values()])
        case list():
            return [text for part in cast("Sequence[Any]", content) for text in _texts(part)]
        case _:
            return []
