"""Groq: https://console.groq.com/docs/api-reference and /docs/errors."""

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
# https://console.groq.com/docs/structured-outputs: models that keep a schema strictly, and as well as they can.
_STRICT = re.compile(r"openai/gpt-oss-(?:20b|120b)$")
_BEST_EFFORT = re.compile(r"openai/gpt-oss-safeguard-20b$|moonshotai/kimi-k2-instruct|meta-llama/llama-4-")
# All other models have a JSON mode, which is told the schema in words and needs the word JSON.
_IN_WORDS = "Answer with one JSON object and nothing else. It keeps this JSON Schema:\n"


class Adapter:
    def __init__(self, name: ProviderName, base_url: str) -> None:  # noqa: ARG002 (every adapter is made alike)
        # Each call brings its own key.
        self._client = groq.Groq(
            base_url=base_url, api_key="none", max_retries=0, http_client=make_client(httpx, HEADERS)
        )

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        with provider_call(timeout_s, api_key), _map_api_errors():
            # The raw answer: it is read here, as strictly as every vendor's. The SDK's typed method would walk through
            # every part of the request once more, for a millisecond of CPU.
            answer = self._client.post(
                "/openai/v1/chat/completions",
                cast_to=httpx.Response,
                body=_request(prompt, model),
                options={"headers": {"Authorization": f"Bearer {api_key}"}},
            )
            return chat.completion(answer.content)

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        with provider_call(timeout_s, api_key), _map_api_errors():
            ask: Callable[..., Any] = self._client.models.with_raw_response.list
            return chat.models(ask(extra_headers={"Authorization": f"Bearer {api_key}"}).read())


# Request.


def _request(prompt: Prompt, model: str) -> dict[str, Any]:
    prompt, response_format = _asking_for(prompt, model)
    return {
        "model": model,
        "messages": chat.messages(prompt),
        "max_completion_tokens": prompt.max_tokens,
        **response_format,
        **({} if prompt.temperature is None else {"temperature": prompt.temperature}),
        # Thoughts count into the tokens that are allowed.
        **({"reasoning_effort": "low"} if model.startswith("openai/gpt-oss") else {}),
    }


def _asking_for(prompt: Prompt, model: str) -> tuple[Prompt, dict[str, Any]]:
    """The prompt and the response_format that make the model keep the schema as well as it can."""
    if prompt.output is None:
        return prompt, {}
    if _STRICT.match(model) or _BEST_EFFORT.match(model):
        wanted = chat.json_schema(prompt.output, strict=_STRICT.match(model) is not None)
        return prompt, {"response_format": wanted}
    return _with_schema(prompt, prompt.output), {"response_format": {"type": "json_object"}}


def _with_schema(prompt: Prompt, output: OutputSchema) -> Prompt:
    told = _IN_WORDS + json.dumps(output.schema_, ensure_ascii=False, separators=(",", ":"))
    return prompt.model_copy(update={"system": f"{prompt.system}\n\n{told}".lstrip()})


# Errors.


@contextmanager
def _map_api_errors() -> Generator[None]:
    try:
        yield
    except groq.APIStatusError as error:
        raise chat.failure_in(error.response) from None
