"""What the name of a Gemini model changes: how little it thinks, and where its request may go."""

from importlib import import_module
from typing import Any, Final

import pytest

from nexus_ai.providers.base import FailureKind, ProviderFailure, ProviderName
from nexus_ai.providers.registry import REGISTRY
from tests.contract.adapters import BASE_PATHS, PROMPT, Called
from tests.contract.wire import Asked, Wire, answers, payload

pytestmark = pytest.mark.parametrize("name", [ProviderName.GOOGLE], indirect=True)

# By https://ai.google.dev/gemini-api/docs/thinking; what a model does not take is a 400.
LEAST: Final[dict[str, dict[str, Any] | None]] = {
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
# By https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6.
HEEDS_TEMPERATURE: Final = {
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


def asked(called: Called, vendor: Wire, model: str) -> Asked:
    vendor.plays(answers(payload(called.name, "text")))
    called.complete(model=model)
    (request,) = vendor.asked
    return request


@pytest.mark.parametrize("model", LEAST)
def test_a_model_is_asked_to_think_as_little_as_it_may(called: Called, vendor: Wire, model: str) -> None:
    assert asked(called, vendor, model).body["generationConfig"].get("thinkingConfig") == LEAST[model]


@pytest.mark.parametrize("model", HEEDS_TEMPERATURE)
def test_a_temperature_is_sent_to_models_that_heed_it(called: Called, vendor: Wire, model: str) -> None:
    assert ("temperature" in asked(called, vendor, model).body["generationConfig"]) == HEEDS_TEMPERATURE[model]


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "models/gemini-2.5-flash", "tunedModels/copy-1"])
def test_a_model_is_asked_at_its_own_address(called: Called, vendor: Wire, model: str) -> None:
    path = model if "/" in model else f"models/{model}"

    assert asked(called, vendor, model).target == f"/google/v1beta/{path}:generateContent"


@pytest.mark.parametrize(
    "model",
    ["", "../x", "models/../files", "gemini..x", "a/b", "x#y", "x?key=1", "x:streamGenerateContent", "a b", "é"],
)
def test_a_name_that_would_lead_elsewhere_is_no_model_and_nothing_is_sent(
    called: Called, vendor: Wire, model: str
) -> None:
    vendor.plays(answers(payload(called.name, "text")))

    with pytest.raises(ProviderFailure) as caught:
        called.adapter.complete(PROMPT, model=model, api_key="sk-any", timeout_s=10)

    assert (caught.value.kind, caught.value.sent) == (FailureKind.MODEL_NOT_FOUND, False)
    assert vendor.asked == ()


def test_a_mode_for_the_sdks_own_tests_in_the_environment_changes_nothing(
    name: ProviderName, vendor: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_CLIENT_MODE", "replay")
    made = import_module(REGISTRY[name].module).Adapter(name, vendor.url + BASE_PATHS[name])

    assert asked(Called(made, name), vendor, "gemini-2.5-flash").method == "POST"
