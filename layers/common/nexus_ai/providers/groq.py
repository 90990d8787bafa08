"""Call Groq's chat completions API: https://console.groq.com/docs/api-reference and /docs/errors."""

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import groq
import httpx

from nexus_ai.providers import chat
from nexus_ai.providers.base import Completion, OfferedModel, OutputSchema, Prompt, ProviderName
from nexus_ai.providers.transport import make_client, provider_call

HEADERS = ("authorization",)
# Models with strict and with best-effort schemas: https://console.groq.com/docs/structured-outputs
_STRICT = re.compile(r"openai/gpt-oss-(?:20b|120b)$")
_BEST_EFFORT = re.compile(r"openai/gpt-oss-safeguard-20b$|moonshotai/kimi-k2-instruct|meta-llama/llama-4-")
# All other models have a JSON mode. It needs the schema and the word JSON in the prompt.
_SCHEMA_INSTRUCTION = "Answer with one JSON object and nothing else. It keeps this JSON Schema:\n"


class Adapter:
    """Adapter of Groq's chat completions API."""

    def __init__(self, name: ProviderName, base_url: str) -> None:  # noqa: ARG002 (all adapters have the same signature)
        # Each call sets its own key.
        self._client = groq.Groq(
            base_url=base_url, api_key="none", max_retries=0, http_client=make_client(httpx, HEADERS)
        )

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        """Request a completion, as `Provider.complete` describes."""
        with provider_call(timeout_s, api_key), _map_api_errors():
            # Read the raw response, so that all providers are parsed equally strictly. The SDK's typed method would
            # process the whole request again, which costs a millisecond of CPU.
            response = self._client.post(
                "/openai/v1/chat/completions",
                cast_to=httpx.Response,
                body=_build_request(prompt, model),
                options={"headers": {"Authorization": f"Bearer {api_key}"}},
            )
            return chat.map_completion(response.content)

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        """Return the models of a key, as `Provider.list_models` describes."""
        with provider_call(timeout_s, api_key), _map_api_errors():
            send: Callable[..., Any] = self._client.models.with_raw_response.list
            return chat.map_models(send(extra_headers={"Authorization": f"Bearer {api_key}"}).read())


# Request.


def _build_request(prompt: Prompt, model: str) -> dict[str, Any]:
    prompt, response_format = _response_format(prompt, model)
    return {
        "model": model,
        "messages": chat.messages(prompt),
        "max_completion_tokens": prompt.max_tokens,
        **response_format,
        **({} if prompt.temperature is None else {"temperature": prompt.temperature}),
        # Reasoning counts towards the token limit.
        **({"reasoning_effort": "low"} if model.startswith("openai/gpt-oss") else {}),
    }


def _response_format(prompt: Prompt, model: str) -> tuple[Prompt, dict[str, Any]]:
    """Return the prompt and the response_format that make the model follow the schema as well as it can."""
    if prompt.output is None:
        return prompt, {}
    if _STRICT.match(model) or _BEST_EFFORT.match(model):
        schema_format = chat.json_schema(prompt.output, strict=_STRICT.match(model) is not None)
        return prompt, {"response_format": schema_format}
    return _add_schema_to_prompt(prompt, prompt.output), {"response_format": {"type": "json_object"}}


def _add_schema_to_prompt(prompt: Prompt, output: OutputSchema) -> Prompt:
    instruction = _SCHEMA_INSTRUCTION + json.dumps(output.schema_, ensure_ascii=False, separators=(",", ":"))
    return prompt.model_copy(update={"system": f"{prompt.system}\n\n{instruction}".lstrip()})


# Errors.


@contextmanager
def _map_api_errors() -> Generator[None]:
    try:
        yield
    except groq.APIStatusError as error:
        raise chat.map_error(error.response) from None
