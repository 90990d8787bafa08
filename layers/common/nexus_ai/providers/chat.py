"""The chat completions format, which OpenAI defined and Groq and OpenRouter speak with differences."""

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

_FINISH_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}
# Where a 400, 422 or 429 has one of these codes, the code says more than the status.
_CODES = {
    "blocked_api_access": FailureKind.NO_CREDIT,  # Groq: the spend limit is reached
    "billing_hard_limit_reached": FailureKind.NO_CREDIT,
    "content_filter": FailureKind.BLOCKED,
    "content_policy_violation": FailureKind.BLOCKED,
    "context_length_exceeded": FailureKind.CONTEXT_TOO_LONG,
    "insufficient_quota": FailureKind.NO_CREDIT,
    "invalid_api_key": FailureKind.INVALID_KEY,
    "json_validate_failed": FailureKind.MALFORMED,  # Groq: the model did not keep the schema
    "model_decommissioned": FailureKind.MODEL_NOT_FOUND,
    "model_not_found": FailureKind.MODEL_NOT_FOUND,
}
_WITH_CODES = frozenset({400, 422, 429})

# OpenAI's models that think, under OpenAI's and OpenRouter's names. While they think they refuse a temperature
# (https://developers.openai.com/api/docs/guides/deployment-checklist), and thoughts count into the tokens that are
# allowed. All of them take the effort "low", but for those named "pro"; "none" and "minimal" are refused by some.
_REASONING = re.compile(r"(?:openai/)?(?:o\d|gpt-(?:[5-9]|\d\d))(?!.*chat)")

# What a vendor lists beside the models that answer in text: their names are all that OpenAI and Groq tell of them.
_NO_TEXT = re.compile(
    r"embed|moderation|whisper|tts|transcribe|dall-e|image|sora|realtime|audio|orpheus|guard|babbage|davinci|instruct-0914"
)


class _Wire(BaseModel):
    """What is read of an answer: strictly typed, and blind to fields that are not named."""

    model_config = ConfigDict(strict=True, frozen=True)


class _InputDetails(_Wire):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(_Wire):
    reasoning_tokens: int | None = None


class _CostDetails(_Wire):
    upstream_inference_cost: Decimal | None = None


class _Usage(_Wire):
    """`cost` is OpenRouter's, in dollars; with the caller's own key at the vendor behind it, that one bills besides."""

    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    cost: Decimal | None = None
    is_byok: bool | None = None
    cost_details: _CostDetails | None = None


class _Message(_Wire):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Wire):
    message: _Message
    finish_reason: str
    error: Any = None


class _Response(_Wire):
    model: str
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class _Modalities(_Wire):
    output_modalities: list[str] = ["text"]


class _Listed(_Wire):
    """`context_window` is Groq's word for it, `context_length` OpenRouter's."""

    id: str
    active: bool = True
    context_window: int | None = None
    context_length: int | None = None
    architecture: _Modalities = _Modalities()


class _Models(_Wire):
    data: list[_Listed]


class _ErrorInside(BaseModel):
    error: Any = None


class _Error(BaseModel):
    code: Any = None
    metadata: dict[str, Any] = {}


class _ErrorBody(BaseModel):
    error: _Error


# Request.


def is_reasoning(model: str) -> bool:
    """Whether the model is one of OpenAI's that think."""
    return _REASONING.match(model) is not None


def messages(prompt: Prompt) -> list[dict[str, Any]]:
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, *({"role": message.role, "content": message.text} for message in prompt.messages)]


def json_schema(output: OutputSchema, *, strict: bool = True) -> dict[str, Any]:
    """The response_format that asks for the schema: strictly where the schema allows it."""
    schema = schemas.openai(output.schema_)
    return {
        "type": "json_schema",
        "json_schema": {"name": output.name, "schema": schema, "strict": strict and schemas.is_strict(schema)},
    }


# Errors.


def failure_in(response: Any) -> ProviderFailure:
    """The failure that an answer with an error status is: by its status, and by its code where that says more."""
    error = _error_in(response.content)
    kind = None
    if response.status_code in _WITH_CODES:
        # OpenRouter's code is the status once more; its error_type is the code.
        kind = _CODES.get(str(error.code)) or _CODES.get(str(error.metadata.get("error_type")))
    elif response.status_code == 403 and "reasons" in error.metadata:
        # OpenRouter: the input was flagged by the moderation that the model requires.
        kind = FailureKind.BLOCKED
    return failure_of(response, kind)


def _error_in(body: bytes) -> _Error:
    try:
        return _ErrorBody.model_validate_json(body).error
    except ValidationError:
        return _Error()


# Answer.


def completion(body: bytes) -> Completion:
    """Raises ProviderFailure for an answer without text, and ValueError for a body of another shape."""
    if _ErrorInside.model_validate_json(body).error:
        raise ProviderFailure(FailureKind.ERROR_IN_BODY, status=200)
    answer = _Response.model_validate_json(body)
    choice = answer.choices[0]
    usage = _usage(answer.usage) if answer.usage else None
    if choice.error or choice.finish_reason == "error":
        raise ProviderFailure(FailureKind.ERROR_IN_BODY, status=200, usage=usage)
    if choice.finish_reason == "content_filter" or (choice.message.refusal and not choice.message.content):
        raise ProviderFailure(FailureKind.BLOCKED, status=200, usage=usage)
    if choice.finish_reason not in _FINISH_REASONS:
        raise ProviderFailure(FailureKind.MALFORMED, status=200, usage=usage)
    text = choice.message.content or ""
    if not text.strip():
        raise ProviderFailure(FailureKind.EMPTY, status=200, usage=usage)
    return Completion(text=text, finish_reason=_FINISH_REASONS[choice.finish_reason], model=answer.model, usage=usage)


# Usage.


def _usage(usage: _Usage) -> TokenUsage:
    """Cached tokens are part of the prompt's, reasoning tokens part of the completion's."""
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


def models(body: bytes, *, names_tell: bool = True) -> list[OfferedModel]:
    """The models that write text; `names_tell` where nothing but their names says which do. Raises ValueError."""
    return offered(
        (model.id, model.context_window or model.context_length)
        for model in _Models.model_validate_json(body).data
        if model.active
        and "text" in model.architecture.output_modalities
        and not (names_tell and _NO_TEXT.search(model.id))
    )
