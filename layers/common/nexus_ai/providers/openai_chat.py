"""OpenAI's chat completions, and every vendor that speaks them: one row of the registry each.

https://platform.openai.com/docs/api-reference/chat and https://openrouter.ai/docs/api/reference/overview
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai

from nexus_ai.providers import chat
from nexus_ai.providers.base import Completion, OfferedModel, Prompt, ProviderName
from nexus_ai.providers.transport import make_client, provider_call

HEADERS = ("authorization", "http-referer", "x-title")


def _nothing(prompt: Prompt, model: str) -> dict[str, Any]:  # noqa: ARG001
    return {}


@dataclass(frozen=True, slots=True)
class Dialect:
    """In what a vendor differs: the name of the output's bound, fixed headers, and members of the body by request;
    where it lists the models of a key, and whether nothing but their names says which of them write text."""

    max_tokens: str = "max_tokens"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Callable[[Prompt, str], dict[str, Any]] = _nothing
    models_path: str = "/models"
    model_names_tell: bool = True


def _openai_body(prompt: Prompt, model: str) -> dict[str, Any]:  # noqa: ARG001
    """The standard tier, because a project may be set to a dearer one; thoughts short, except where they are fixed."""
    body: dict[str, Any] = {"service_tier": "default"}
    if chat.is_reasoning(model) and "-pro" not in model:
        body["reasoning_effort"] = "low"
    return body


def _openrouter_body(prompt: Prompt, model: str) -> dict[str, Any]:
    """Only vendors that keep the schema; not asked where a temperature would shut out more of them."""
    body: dict[str, Any] = {"usage": {"include": True}}
    if prompt.output and ("temperature" not in _temperature(prompt, model)):
        body["provider"] = {"require_parameters": True}
    if chat.is_reasoning(model) and "-pro" not in model:
        body["reasoning"] = {"effort": "low"}
    return body


DIALECTS = {
    ProviderName.OPENAI: Dialect(max_tokens="max_completion_tokens", body=_openai_body),
    # The title names the application in OpenRouter's statistics.
    # /models is the list of everybody, and needs no key.
    ProviderName.OPENROUTER: Dialect(
        headers={"X-Title": "Nexus AI"}, body=_openrouter_body, models_path="/models/user", model_names_tell=False
    ),
}


class Adapter:
    def __init__(self, name: ProviderName, base_url: str) -> None:
        dialect = self._dialect = DIALECTS.get(name, Dialect())
        # Each call brings its own key.
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key="none",
            max_retries=0,
            default_headers=dialect.headers,
            http_client=make_client(httpx2, HEADERS),
        )

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        with provider_call(timeout_s, api_key), _map_api_errors():
            # The raw answer: it is read here, as strictly as every vendor's. The SDK's typed method would walk through
            # every part of the request once more, for a millisecond of CPU.
            answer = self._client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                body=_request(prompt, model, self._dialect),
                options={"headers": {"Authorization": f"Bearer {api_key}"}},
            )
            return chat.completion(answer.content)

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        with provider_call(timeout_s, api_key), _map_api_errors():
            answer = self._client.get(
                self._dialect.models_path,
                cast_to=httpx2.Response,
                options={"headers": {"Authorization": f"Bearer {api_key}"}},
            )
            return chat.models(answer.content, names_tell=self._dialect.model_names_tell)


# Request.


def _request(prompt: Prompt, model: str, dialect: Dialect) -> dict[str, Any]:
    return {
        "model": model,
        "messages": chat.messages(prompt),
        **({"response_format": chat.json_schema(prompt.output)} if prompt.output else {}),
        **_temperature(prompt, model),
        dialect.max_tokens: prompt.max_tokens,
        **dialect.body(prompt, model),
    }


def _temperature(prompt: Prompt, model: str) -> dict[str, float]:
    if prompt.temperature is None or chat.is_reasoning(model):
        return {}
    return {"temperature": prompt.temperature}


# Errors.


@contextmanager
def _map_api_errors() -> Generator[None]:
    try:
        yield
    except openai.APIStatusError as error:
        raise chat.failure_in(error.response) from None
