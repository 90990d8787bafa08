"""Build and read chat completions, the format that OpenAI defined and that Groq and OpenRouter use with differences."""

import re
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nexus_ai.platform.money import micros_from_dollars
from nexus_ai.providers import schemas
from nexus_ai.providers.base import (
    Completion,
    FailureKind,
    FinishReason,
    OfferedModel,
    OutputSchema,
    Prompt,
    ProviderFailure,
    TokenUsage,
    offered,
)
from nexus_ai.providers.status import failure_of

_FINISH_REASON_MAP = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}
# Codes of a 400, 422 or 429 that are more specific than the status.
_ERROR_CODE_MAP = {
    "blocked_api_access": FailureKind.NO_CREDIT,  # Groq: the spend limit is reached
    "billing_hard_limit_reached": FailureKind.NO_CREDIT,
    "content_filter": FailureKind.BLOCKED,
    "content_policy_violation": FailureKind.BLOCKED,
    "context_length_exceeded": FailureKind.CONTEXT_TOO_LONG,
    "insufficient_quota": FailureKind.NO_CREDIT,
    "invalid_api_key": FailureKind.INVALID_KEY,
    "json_validate_failed": FailureKind.MALFORMED,  # Groq: the completion does not follow the schema
    "model_decommissioned": FailureKind.MODEL_NOT_FOUND,
    "model_not_found": FailureKind.MODEL_NOT_FOUND,
}
_STATUSES_WITH_CODES = frozenset({400, 422, 429})

# OpenAI's reasoning models, by OpenAI's and OpenRouter's ids. While reasoning they reject a temperature
# (https://developers.openai.com/api/docs/guides/deployment-checklist), and reasoning counts towards the token limit.
# All except the "pro" models accept the effort "low"; some reject "none" and "minimal".
_REASONING = re.compile(r"(?:openai/)?(?:o\d|gpt-(?:[5-9]|\d\d))(?!.*chat)")

# Models that do not generate text. The lists of OpenAI and Groq identify them only by name.
_NOT_TEXT_MODELS = re.compile(
    r"embed|moderation|whisper|tts|transcribe|dall-e|image|sora|realtime|audio|orpheus|guard|babbage|davinci|instruct-0914"
)


class _ResponseModel(BaseModel):
    """Base of the response models: strict types, unknown fields ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class _InputDetails(_ResponseModel):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(_ResponseModel):
    reasoning_tokens: int | None = None


class _CostDetails(_ResponseModel):
    upstream_inference_cost: Decimal | None = None


class _Usage(_ResponseModel):
    """Usage. `cost` is OpenRouter's, in dollars.

    If the tenant uses its own key of the upstream provider (BYOK), that provider bills its cost in addition.
    """

    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    cost: Decimal | None = None
    is_byok: bool | None = None
    cost_details: _CostDetails | None = None


class _Message(_ResponseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(_ResponseModel):
    message: _Message
    finish_reason: str
    error: Any = None


class _Response(_ResponseModel):
    model: str
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class _Modalities(_ResponseModel):
    output_modalities: list[str] = ["text"]


class _ListedModel(_ResponseModel):
    """Entry of the list of models. Groq calls the context size `context_window`, OpenRouter `context_length`."""

    id: str
    active: bool = True
    context_window: int | None = None
    context_length: int | None = None
    architecture: _Modalities = _Modalities()


class _ModelList(_ResponseModel):
    data: list[_ListedModel]


class _ErrorInBody(BaseModel):
    error: Any = None


class _Error(BaseModel):
    code: Any = None
    metadata: dict[str, Any] = {}


class _ErrorBody(BaseModel):
    error: _Error


# Request.


def is_reasoning(model: str) -> bool:
    """Return True if the model is one of OpenAI's reasoning models."""
    return _REASONING.match(model) is not None


def messages(prompt: Prompt) -> list[dict[str, Any]]:
    """Return the messages of the request. The system text comes first."""
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, *({"role": message.role, "content": message.text} for message in prompt.messages)]


def json_schema(output: OutputSchema, *, strict: bool = True) -> dict[str, Any]:
    """Return the response_format that asks for the schema, in strict mode if the schema allows it."""
    schema = schemas.openai(output.schema_)
    return {
        "type": "json_schema",
        "json_schema": {"name": output.name, "schema": schema, "strict": strict and schemas.is_strict(schema)},
    }


# Errors.


def map_error(response: Any) -> ProviderFailure:
    """Return the failure for a response with an error status.

    The status decides, unless the provider's code is more specific.
    """
    error = _parse_error(response.content)
    kind = None
    if response.status_code in _STATUSES_WITH_CODES:
        # OpenRouter's field `code` only repeats the HTTP status. Its field `error_type` has the error code.
        kind = _ERROR_CODE_MAP.get(str(error.code)) or _ERROR_CODE_MAP.get(str(error.metadata.get("error_type")))
    elif response.status_code == 403 and "reasons" in error.metadata:
        # OpenRouter: the input was flagged by the moderation that the model requires.
        kind = FailureKind.BLOCKED
    return failure_of(response, kind)


def _parse_error(body: bytes) -> _Error:
    try:
        return _ErrorBody.model_validate_json(body).error
    except ValidationError:
        return _Error()


# Response.


def map_completion(body: bytes) -> Completion:
    """Return the completion of a response body.

    Raises:
        ProviderFailure: The response contains an error or no text, or the completion was blocked.
        ValueError: The body has another structure.
    """
    if _ErrorInBody.model_validate_json(body).error:
        raise ProviderFailure(FailureKind.ERROR_IN_BODY, status=200)
    response = _Response.model_validate_json(body)
    choice = response.choices[0]
    usage = _map_usage(response.usage) if response.usage else None
    if choice.error or choice.finish_reason == "error":
        raise ProviderFailure(FailureKind.ERROR_IN_BODY, status=200, usage=usage)
    if choice.finish_reason == "content_filter" or (choice.message.refusal and not choice.message.content):
        raise ProviderFailure(FailureKind.BLOCKED, status=200, usage=usage)
    if choice.finish_reason not in _FINISH_REASON_MAP:
        raise ProviderFailure(FailureKind.MALFORMED, status=200, usage=usage)
    text = choice.message.content or ""
    if not text.strip():
        raise ProviderFailure(FailureKind.EMPTY, status=200, usage=usage)
    return Completion(
        text=text, finish_reason=_FINISH_REASON_MAP[choice.finish_reason], model=response.model, usage=usage
    )


# Usage.


def _map_usage(usage: _Usage) -> TokenUsage:
    """Map the usage. Cached tokens are part of the prompt tokens, reasoning tokens part of the completion tokens."""
    inputs, outputs = usage.prompt_tokens_details, usage.completion_tokens_details
    return TokenUsage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cached_input_tokens=inputs.cached_tokens if inputs else None,
        cache_write_tokens=inputs.cache_write_tokens if inputs else None,
        reasoning_tokens=outputs.reasoning_tokens if outputs else None,
        cost_micros=_cost_micros(usage),
    )


def _cost_micros(usage: _Usage) -> int | None:
    if usage.cost is None:
        return None
    upstream = usage.cost_details.upstream_inference_cost if usage.is_byok and usage.cost_details else None
    return micros_from_dollars(usage.cost + (upstream or 0))


# Models.


def map_models(body: bytes, *, filter_by_name: bool = True) -> list[OfferedModel]:
    """Return the models that generate text.

    Args:
        body: The response body.
        filter_by_name: Exclude models by name, for providers whose lists say nothing else about the output.

    Raises:
        ValueError: The body has another structure.
    """
    return offered(
        (model.id, model.context_window or model.context_length)
        for model in _ModelList.model_validate_json(body).data
        if model.active
        and "text" in model.architecture.output_modalities
        and not (filter_by_name and _NOT_TEXT_MODELS.search(model.id))
    )
