"""Anthropic: https://platform.claude.com/docs/en/api/messages and /docs/en/api/errors.

A prompt that is larger than the model's context is a 400 without a code of its own, which only its words tell from any
other bad request, and words are not read. What Anthropic says by status (413, request_too_large) and by stop reason
(model_context_window_exceeded) is heeded.
"""

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx2
from pydantic import BaseModel, ConfigDict

from nexus_ai.providers import schemas
from nexus_ai.providers.base import (
    Completion,
    FailureKind,
    FinishReason,
    OfferedModel,
    Prompt,
    ProviderFailure,
    ProviderName,
    TokenUsage,
    offered,
)
from nexus_ai.providers.status import failure_of
from nexus_ai.providers.transport import make_client, provider_call

HEADERS = ("authorization", "anthropic-version")
# As many as one page of the list of models holds.
MODELS_MAX = 1000
_FINISH_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
}
# Where the details of a 400 or a 429 say that the account is at fault, and not this request or its rate.
_CODES = {
    "claude_code_key_creator_not_member": FailureKind.NO_PERMISSION,
    "cmek_key_disabled": FailureKind.NO_PERMISSION,
    "cmek_key_network_blocked": FailureKind.NO_PERMISSION,
    "contract_spend_limit_reached": FailureKind.NO_CREDIT,
    "enforced_spend_limit_reached": FailureKind.NO_CREDIT,
    "organization_on_hold": FailureKind.NO_PERMISSION,
}

# From the fifth generation on, models think unless they are told otherwise, some always, and thoughts count into
# max_tokens. All of these take an effort, and not all of them take thinking to be disabled. They refuse any temperature
# but 1, a budget of thoughts, and a conversation that ends with an assistant's turn; none of these is sent.
# https://platform.claude.com/docs/en/build-with-claude/effort and /docs/en/models/haiku-5-5/migration-guide
_THINKS = re.compile(r"claude-[a-z]+-(?:[5-9]|\d\d)(?!\d)")


class _Wire(BaseModel):
    """What is read of an answer: strictly typed, and blind to fields that are not named."""

    model_config = ConfigDict(strict=True, frozen=True)


class _OutputDetails(_Wire):
    thinking_tokens: int | None = None


class _Usage(_Wire):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: _OutputDetails | None = None


class _Block(_Wire):
    type: str
    text: str = ""


class _Response(_Wire):
    model: str
    content: list[_Block]
    stop_reason: str
    usage: _Usage | None = None


class _Listed(_Wire):
    id: str
    max_input_tokens: int | None = None


class _Models(_Wire):
    data: list[_Listed]


class _ErrorInside(BaseModel):
    error: Any = None


class Adapter:
    def __init__(self, name: ProviderName, base_url: str) -> None:  # noqa: ARG002 (every adapter is made alike)
        # Each call brings its own key. No variable of the environment can have texts put into spans.
        self._client = anthropic.Anthropic(
            base_url=base_url,
            api_key="none",
            max_retries=0,
            http_client=make_client(httpx2, HEADERS),
            open_telemetry={"traces": False, "propagation": False},
        )

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        with provider_call(timeout_s, api_key), _map_api_errors():
            # The raw answer: it is read here, as strictly as every vendor's.
            ask: Callable[..., Any] = self._client.messages.with_raw_response.create
            # A time-out of its own keeps the SDK from refusing long answers without a stream.
            request = {**_request(prompt, model), "timeout": timeout_s}
            return _completion(ask(**request, extra_headers={"Authorization": f"Bearer {api_key}"}).read())

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        with provider_call(timeout_s, api_key), _map_api_errors():
            ask: Callable[..., Any] = self._client.models.with_raw_response.list
            body = ask(limit=MODELS_MAX, extra_headers={"Authorization": f"Bearer {api_key}"}).read()
            return offered((model.id, model.max_input_tokens) for model in _Models.model_validate_json(body).data)


# Request.


def _request(prompt: Prompt, model: str) -> dict[str, Any]:
    """The API version that the SDK speaks has no sampling parameters, so that a temperature is not sent."""
    request: dict[str, Any] = {
        "model": model,
        "max_tokens": prompt.max_tokens,
        "messages": [{"role": message.role, "content": message.text} for message in prompt.messages],
    }
    if prompt.system:
        request["system"] = prompt.system
    output_config: dict[str, Any] = {}
    if _THINKS.match(model):
        output_config["effort"] = "low"
    if prompt.output:
        output_config["format"] = {"type": "json_schema", "schema": schemas.anthropic(prompt.output.schema_)}
    if output_config:
        request["output_config"] = output_config
    return request


# Errors.


@contextmanager
def _map_api_errors() -> Generator[None]:
    try:
        yield
    except anthropic.APIStatusError as error:
        has_code = error.response.status_code in {400, 422, 429}
        kind = _CODES.get(_code(error.response.content)) if has_code else None
        raise failure_of(error.response, kind) from None


def _code(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["details"]["error_code"])
    except (ValueError, KeyError, TypeError):
        return ""


# Answer.


def _completion(body: bytes) -> Completion:
    if _ErrorInside.model_validate_json(body).error:
        raise ProviderFailure(FailureKind.ERROR_IN_BODY, status=200)
    answer = _Response.model_validate_json(body)
    usage = _usage(answer.usage) if answer.usage else None
    if answer.stop_reason == "refusal":
        raise ProviderFailure(FailureKind.BLOCKED, status=200, usage=usage)
    if answer.stop_reason not in _FINISH_REASONS:
        raise ProviderFailure(FailureKind.MALFORMED, status=200, usage=usage)
    text = "".join(block.text for block in answer.content if block.type == "text")
    if not text.strip():
        raise ProviderFailure(FailureKind.EMPTY, status=200, usage=usage)
    return Completion(text=text, finish_reason=_FINISH_REASONS[answer.stop_reason], model=answer.model, usage=usage)


# Usage.


def _usage(usage: _Usage) -> TokenUsage:
    """Cached and cache-write tokens are counted beside the input tokens; thoughts are part of the output."""
    cached, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    details = usage.output_tokens_details
    return TokenUsage(
        input_tokens=usage.input_tokens + (cached or 0) + (written or 0),
        output_tokens=usage.output_tokens,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=details.thinking_tokens if details else None,
    )
