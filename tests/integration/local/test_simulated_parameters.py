"""Test the parameters that the simulated providers accept and refuse, as the documents of the real models say.

https://developers.openai.com/api/docs/guides/deployment-checklist (OpenAI),
https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide (Anthropic),
https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6 (Google),
https://console.groq.com/docs/reasoning (Groq) and
https://openrouter.ai/docs/guides/routing/provider-selection (OpenRouter).
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from google.genai import types

from local.providers.server import SimulatedProviders
from nexus_ai.providers.base import ProviderName
from tests.integration.support.provider_sdks import COMPLETE_PATHS, KEY, SDK_ERRORS, ask, close_clients, post, status_of

OPENAI, ANTHROPIC, GOOGLE, GROQ, OPENROUTER = ProviderName
TOOLS: Final = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
PREFILLED: Final = [{"role": "user", "content": "Oi"}, {"role": "assistant", "content": "{"}]


def thinking(**config: Any) -> dict[str, Any]:
    return {"thinking_config": types.ThinkingConfig(**config)}


def unknown_to_the_sdk(**body: Any) -> dict[str, Any]:
    return {"extra_body": body}


REFUSED: Final[list[tuple[ProviderName, dict[str, Any], int]]] = [
    (OPENAI, {"max_tokens": 100}, 400),
    (OPENAI, {"temperature": 0.7}, 400),
    (OPENAI, {"temperature": 0.7, "reasoning_effort": "low"}, 400),
    (OPENAI, {"top_p": 0.5}, 400),
    (OPENAI, {"logprobs": True}, 400),
    (OPENAI, {"reasoning_effort": "minimal"}, 400),
    (OPENAI, {"reasoning_effort": "low", "tools": TOOLS}, 400),
    (OPENAI, {"model": "gpt-6.1-sol", "reasoning_effort": "none"}, 400),
    (OPENAI, {"model": "gpt-6.1-terra", "reasoning_effort": "none", "tools": TOOLS}, 400),
    (OPENAI, {"model": "gpt-5-mini", "reasoning_effort": "xhigh"}, 400),
    (OPENAI, {"model": "gpt-4.1-mini", "reasoning_effort": "low"}, 400),
    (ANTHROPIC, unknown_to_the_sdk(temperature=0.7), 400),
    (ANTHROPIC, unknown_to_the_sdk(top_p=0.5), 400),
    (ANTHROPIC, unknown_to_the_sdk(top_k=5), 400),
    (ANTHROPIC, unknown_to_the_sdk(thinking={"type": "enabled", "budget_tokens": 1024}), 400),
    (ANTHROPIC, unknown_to_the_sdk(output_config={"effort": "minimal"}), 400),
    (ANTHROPIC, {"messages": PREFILLED}, 400),
    (ANTHROPIC, {"model": "claude-haiku-4-5", "output_config": {"effort": "low"}}, 400),
    (GOOGLE, {"temperature": 2.1}, 400),
    (GOOGLE, {"presence_penalty": 0.5}, 400),
    (GOOGLE, {"frequency_penalty": 0.5}, 400),
    (GOOGLE, thinking(thinking_level="LOW", thinking_budget=0), 400),
    (GOOGLE, {"model": "gemini-3.8-flash"} | thinking(thinking_level="MINIMAL"), 400),
    (GOOGLE, {"model": "gemini-2.5-flash"} | thinking(thinking_level="LOW"), 400),
    (GROQ, {"reasoning_effort": "none"}, 400),
    (GROQ, {"model": "llama-3.3-70b-versatile", "reasoning_effort": "low"}, 400),
    (OPENROUTER, {"temperature": 0.7} | unknown_to_the_sdk(provider={"require_parameters": True}), 404),
]
ACCEPTED: Final[list[tuple[ProviderName, dict[str, Any]]]] = [
    (OPENAI, {"max_completion_tokens": 100}),
    (OPENAI, {"temperature": 1, "top_p": 1}),
    (OPENAI, {"temperature": 0.7, "reasoning_effort": "none"}),
    (OPENAI, {"tools": TOOLS, "reasoning_effort": "none"}),
    *((OPENAI, {"reasoning_effort": effort}) for effort in ("none", "low", "medium", "high", "xhigh", "max")),
    (OPENAI, {"model": "gpt-6.1-sol", "reasoning_effort": "low"}),
    (OPENAI, {"model": "gpt-5-mini", "reasoning_effort": "minimal"}),
    (OPENAI, {"model": "gpt-4.1-mini", "temperature": 0.7, "max_tokens": 100}),
    (ANTHROPIC, unknown_to_the_sdk(temperature=1)),
    (ANTHROPIC, {"thinking": {"type": "adaptive"}}),
    *((ANTHROPIC, {"output_config": {"effort": effort}}) for effort in ("low", "medium", "high", "xhigh", "max")),
    (GOOGLE, {"temperature": 0.7}),
    (GOOGLE, thinking(thinking_level="MINIMAL")),
    (GOOGLE, {"model": "gemini-3.8-flash"} | thinking(thinking_level="LOW")),
    (GOOGLE, {"model": "gemini-2.5-flash", "presence_penalty": 0.5} | thinking(thinking_budget=0)),
    (GROQ, {"temperature": 0.7, "reasoning_effort": "low"}),
    (OPENROUTER, {"temperature": 0.7}),
    (OPENROUTER, {"max_tokens": 100} | unknown_to_the_sdk(provider={"require_parameters": True})),
]


@pytest.fixture(scope="module")
def providers() -> Iterator[SimulatedProviders]:
    with SimulatedProviders() as started:
        yield started
    close_clients()


@pytest.mark.parametrize(("name", "parameters", "status"), REFUSED)
def test_parameter_unknown_to_the_model_is_refused(
    providers: SimulatedProviders, name: ProviderName, parameters: dict[str, Any], status: int
) -> None:
    with pytest.raises(SDK_ERRORS) as caught:
        ask(providers, name, **parameters)
    assert status_of(caught.value) == status


@pytest.mark.parametrize(("name", "parameters"), ACCEPTED)
def test_parameter_of_the_model_is_accepted(
    providers: SimulatedProviders, name: ProviderName, parameters: dict[str, Any]
) -> None:
    assert ask(providers, name, **parameters)


@pytest.mark.parametrize(("roles", "status"), [(["user"], 200), (["user", "model"], 400)])
def test_gemini_refuses_a_conversation_ending_with_its_own_turn(
    providers: SimulatedProviders, roles: list[str], status: int
) -> None:
    contents = [{"role": role, "parts": [{"text": "Oi"}]} for role in roles]
    body = json.dumps({"contents": contents}).encode()
    assert post(providers, COMPLETE_PATHS[GOOGLE], body, x_goog_api_key=KEY)[0] == status
