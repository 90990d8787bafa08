"""Call Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages and /docs/en/api/errors.

A prompt larger than the model's context is a 400 without a code of its own. Only its message differs from other bad
requests, and messages are not read. A 413 (request_too_large) and the stop reason model_context_window_exceeded are
recognised.
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
# Size of one page of the list of models.
MODELS_MAX = 1000
_FINISH_REASON_MAP = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
}
# Error codes of a 400 or 429 that concern the account, not this request or its rate.
_ERROR_CODE_MAP = {
    "claude_code_key_creator_not_member": FailureKind.NO_PERMISSION,
    "cmek_key_disabled": FailureKind.NO_PERMISSION,
    "cmek_key_network_blocked": FailureKind.NO_PERMISSION,
    "contract_spend_limit_reached": FailureKind.NO_CREDIT,
    "enforced_spend_limit_reached": FailureKind.NO_CREDIT,
    "organization_on_hold": FailureKind.NO_PERMISSION,
}

# From the fifth generation on, models reason by default, some always, and reasoning counts towards max_tokens. All of
# these accept an effort, but not all accept that reasoning is disabled. They reject a temperature other than 1, a
# reasoning budget, and a conversation that ends with an assistant's message. We send none of these.
# https://platform.claude.com/docs/en/build-with-claude/effort and /docs/en/models/haiku-5-5/migration-guide
_REASONING = re.compile(r"claude-[a-z]+-(?:[5-9]|\d\d)(?!\d)")


class _ResponseModel(BaseModel):
    """Base of the response models: strict types, unknown fields ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class _OutputDetails(_ResponseModel):
    thinking_tokens: int | None = None


class _Usage(_ResponseModel):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: _OutputDetails | None = None


class _Block(_ResponseModel):
    type: str
    text: str = ""


class _Response(_ResponseModel):
    model: str
    content: list[_Block]
    stop_reason: str
    usage: _Usage | None = None


class _ListedModel(_ResponseModel):
    id: str
    max_input_tokens: int | None = None


class _ModelList(_ResponseModel):
    data: list[_ListedModel]


class _ErrorInBody(BaseModel):
    error: Any = None


class Adapter:
    """Adapter of the Messages API."""

    def __init__(self, name: ProviderName, base_url: str) -> None:  # noqa: ARG002 (all adapters have the same signature)
        # Each call sets its own key. Tracing is off, so that no environment variable can put texts into spans.
        self._client = anthropic.Anthropic(
            base_url=base_url,
            api_key="none",
            max_retries=0,
            http_client=make_client(httpx2, HEADERS),
            open_telemetry={"traces": False, "propagation": False},
        )

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        """Request a completion, as `Provider.complete` describes."""
        with provider_call(timeout_s, api_key), _map_api_errors():
            # Read the raw response, so that all providers are parsed equally strictly.
            send: Callable[..., Any] = self._client.messages.with_raw_response.create
            # With an explicit timeout, the SDK does not refuse long completions without streaming.
            request = {**_build_request(prompt, model), "timeout": timeout_s}
            return _map_completion(send(**request, extra_headers={"Authorization": f"Bearer {api_key}"}).read())

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        """Return the models of a key, as `Provider.list_models` describes."""
        with provider_call(timeout_s, api_key), _map_api_errors():
            send: Callable[..., Any] = self._client.models.with_raw_response.list
            body = send(limit=MODELS_MAX, extra_headers={"Authorization": f"Bearer {api_key}"}).read()
            return offered((model.id, model.max_input_tokens) for model in _ModelList.model_validate_json(body).data)


# Request.


def _build_request(prompt: Prompt, model: str) -> dict[str, Any]:
    """Build the request body. It has no temperature, because the SDK's API version has no sampling parameters."""
    request: dict[str, Any] = {
        "model": model,
        "max_tokens": prompt.max_tokens,
        "messages": [{"role": message.role, "content": message.text} for message in prompt.messages],
    }
    if prompt.system:
        request["system"] = prompt.system
    output_config: dict[str, Any] = {}
    if _REASONING.match(model):
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
        kind = _ERROR_CODE_MAP.get(_error_code(error.response.content)) if has_code else None
        raise failure_of(error.response, kind) from None


def _error_code(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["details"]["error_code"])
    except (ValueError, KeyError, TypeError):
        return ""


# Response.


def _map_completion(body: bytes) -> Completion:
    if _ErrorInBody.model_validate_json(body).error:
        raise ProviderFailure(FailureKind.ERROR_IN_BODY, status=200)
    response = _Response.model_validate_json(body)
    usage = _map_usage(response.usage) if response.usage else None
    if response.stop_reason == "refusal":
        raise ProviderFailure(FailureKind.BLOCKED, status=200, usage=usage)
    if response.stop_reason not in _FINISH_REASON_MAP:
        raise ProviderFailure(FailureKind.MALFORMED, status=200, usage=usage)
    text = "".join(block.text for block in response.content if block.type == "text")
    if not text.strip():
        raise ProviderFailure(FailureKind.EMPTY, status=200, usage=usage)
    return Completion(
        text=text, finish_reason=_FINISH_REASON_MAP[response.stop_reason], model=response.model, usage=usage
    )


# Usage.


def _map_usage(usage: _Usage) -> TokenUsage:
    """Map the usage. Anthropic counts cached and cache-write tokens separately from the input, reasoning as output."""
    cached, cache_written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    details = usage.output_tokens_details
    return TokenUsage(
        input_tokens=usage.input_tokens + (cached or 0) + (cache_written or 0),
        output_tokens=usage.output_tokens,
        cached_input_tokens=cached,
        cache_write_tokens=cache_written,
        reasoning_tokens=details.thinking_tokens if details else None,
    )
