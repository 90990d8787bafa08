"""Call OpenAI's chat completions API, and every provider in the registry that implements it.

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


def _no_extra_fields(prompt: Prompt, model: str) -> dict[str, Any]:  # noqa: ARG001
    return {}


@dataclass(frozen=True, slots=True)
class Dialect:
    """Differences between a provider and OpenAI's format.

    Attributes:
        max_tokens: Name of the parameter that limits the output.
        headers: Headers of every request.
        body: Returns additional fields of the request body for a prompt and a model.
        models_path: Path of the list of models.
        filter_models_by_name: True if the list does not say which models generate text.
    """

    max_tokens: str = "max_tokens"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Callable[[Prompt, str], dict[str, Any]] = _no_extra_fields
    models_path: str = "/models"
    filter_models_by_name: bool = True


def _openai_body(prompt: Prompt, model: str) -> dict[str, Any]:  # noqa: ARG001
    """Choose the standard tier and a low effort.

    A project may default to a more expensive tier. The effort of the "pro" models is fixed.
    """
    body: dict[str, Any] = {"service_tier": "default"}
    if chat.is_reasoning(model) and "-pro" not in model:
        body["reasoning_effort"] = "low"
    return body


def _openrouter_body(prompt: Prompt, model: str) -> dict[str, Any]:
    """Require providers that follow the schema, unless a temperature is sent.

    The requirement covers all parameters, so a temperature would exclude more providers.
    """
    body: dict[str, Any] = {"usage": {"include": True}}
    if prompt.output and ("temperature" not in _temperature(prompt, model)):
        body["provider"] = {"require_parameters": True}
    if chat.is_reasoning(model) and "-pro" not in model:
        body["reasoning"] = {"effort": "low"}
    return body


DIALECTS = {
    ProviderName.OPENAI: Dialect(max_tokens="max_completion_tokens", body=_openai_body),
    # The title identifies the application in OpenRouter's statistics.
    # /models lists all models without a key; /models/user only those of the key.
    ProviderName.OPENROUTER: Dialect(
        headers={"X-Title": "Nexus AI"}, body=_openrouter_body, models_path="/models/user", filter_models_by_name=False
    ),
}


class Adapter:
    """Adapter of the chat completions API."""

    def __init__(self, name: ProviderName, base_url: str) -> None:
        dialect = self._dialect = DIALECTS.get(name, Dialect())
        # Each call sets its own key.
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key="none",
            max_retries=0,
            default_headers=dialect.headers,
            http_client=make_client(httpx2, HEADERS),
        )

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        """Request a completion, as `Provider.complete` describes."""
        with provider_call(timeout_s, api_key), _map_api_errors():
            # Read the raw response, so that all providers are parsed equally strictly. The SDK's typed method would
            # process the whole request again, which costs a millisecond of CPU.
            response = self._client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                body=_build_request(prompt, model, self._dialect),
                options={"headers": {"Authorization": f"Bearer {api_key}"}},
            )
            return chat.map_completion(response.content)

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        """Return the models of a key, as `Provider.list_models` describes."""
        with provider_call(timeout_s, api_key), _map_api_errors():
            response = self._client.get(
                self._dialect.models_path,
                cast_to=httpx2.Response,
                options={"headers": {"Authorization": f"Bearer {api_key}"}},
            )
            return chat.map_models(response.content, filter_by_name=self._dialect.filter_models_by_name)


# Request.


def _build_request(prompt: Prompt, model: str, dialect: Dialect) -> dict[str, Any]:
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
        raise chat.map_error(error.response) from None
