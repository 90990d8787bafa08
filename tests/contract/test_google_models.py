"""Test what a Gemini model's name changes: its thinking configuration, its temperature and its URL."""

from importlib import import_module
from typing import Any, Final

import pytest

from nexus_ai.providers.base import FailureKind, ProviderFailure, ProviderName
from nexus_ai.providers.registry import REGISTRY
from tests.contract.adapters import BASE_PATHS, PROMPT, AdapterClient
from tests.contract.wire import ProviderServer, ReceivedRequest, payload, responds

pytestmark = pytest.mark.parametrize("name", [ProviderName.GOOGLE], indirect=True)

# Source: https://ai.google.dev/gemini-api/docs/thinking. A value that a model does not accept is a 400.
LEAST_THINKING: Final[dict[str, dict[str, Any] | None]] = {
    "gemini-2.0-flash": None,
    "gemini-2.5-flash": {"thinking_budget": 0},
    "gemini-2.5-flash-lite": {"thinking_budget": 0},
    "gemini-2.5-pro": {"thinking_budget": 128},
    "gemini-3-pro-preview": {"thinking_level": "LOW"},
    "gemini-3.1-pro-preview": {"thinking_level": "LOW"},
    "gemini-3.1-flash-lite": {"thinking_level": "MINIMAL"},
    "gemini-3.5-flash-lite": {"thinking_level": "MINIMAL"},
    "gemini-3.7-flash": {"thinking_level": "LOW"},
    "models/gemini-3.8-flash": {"thinking_level": "LOW"},
    "gemma-4-31b-it": None,
}
# Source: https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6.
USES_TEMPERATURE: Final = {
    "gemini-2.5-flash": True,
    "gemini-3.1-flash-lite": True,
    "gemini-3.5-flash": True,
    "gemini-3.5-flash-lite": False,
    "models/gemini-3.5-flash-lite": False,
    "gemini-3.6-flash": False,
    "gemini-3.8-flash": False,
    "gemini-4-flash": False,
    "gemma-4-31b-it": True,
}


def sent_request(client: AdapterClient, server: ProviderServer, model: str) -> ReceivedRequest:
    server.set_behaviour(responds(payload(client.name, "text")))
    client.complete(model=model)
    (request,) = server.requests
    return request


@pytest.mark.parametrize("model", LEAST_THINKING)
def test_model_is_sent_the_least_thinking_it_allows(client: AdapterClient, server: ProviderServer, model: str) -> None:
    assert sent_request(client, server, model).body["generationConfig"].get("thinkingConfig") == LEAST_THINKING[model]


@pytest.mark.parametrize("model", USES_TEMPERATURE)
def test_temperature_is_sent_to_models_that_use_it(client: AdapterClient, server: ProviderServer, model: str) -> None:
    assert ("temperature" in sent_request(client, server, model).body["generationConfig"]) == USES_TEMPERATURE[model]


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "models/gemini-2.5-flash", "tunedModels/copy-1"])
def test_model_is_called_at_its_own_url(client: AdapterClient, server: ProviderServer, model: str) -> None:
    path = model if "/" in model else f"models/{model}"

    assert sent_request(client, server, model).target == f"/google/v1beta/{path}:generateContent"


@pytest.mark.parametrize(
    "model",
    ["", "../x", "models/../files", "gemini..x", "a/b", "x#y", "x?key=1", "x:streamGenerateContent", "a b", "é"],
)
def test_model_name_that_would_change_the_url_is_not_sent(
    client: AdapterClient, server: ProviderServer, model: str
) -> None:
    server.set_behaviour(responds(payload(client.name, "text")))

    with pytest.raises(ProviderFailure) as caught:
        client.adapter.complete(PROMPT, model=model, api_key="sk-any", timeout_s=10)

    assert (caught.value.kind, caught.value.sent) == (FailureKind.MODEL_NOT_FOUND, False)
    assert server.requests == ()


def test_replay_mode_of_the_sdk_is_ignored(
    name: ProviderName, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_CLIENT_MODE", "replay")
    adapter = import_module(REGISTRY[name].module).Adapter(name, server.url + BASE_PATHS[name])

    assert sent_request(AdapterClient(adapter, name), server, "gemini-2.5-flash").method == "POST"
