"""Call the Gemini API: https://ai.google.dev/api/generate-content and /gemini-api/docs/troubleshooting.

A prompt larger than the model's context is a 400 INVALID_ARGUMENT. Only its message differs from other bad requests,
and messages are not read.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import httpx2
from google import genai
from google.genai import errors, types
from google.genai.client import DebugConfig
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from nexus_ai.net import tls
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

HEADERS = ("x-goog-api-key",)
# Size of one page of the list of models.
MODELS_MAX = 1000
_FINISH_REASON_MAP = {"STOP": FinishReason.STOP, "MAX_TOKENS": FinishReason.LENGTH, "CONTINUATION": FinishReason.LENGTH}
_BLOCKED_REASONS = frozenset(
    {
        "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION",
        "PUP_LIMITED_DISABLED",
    }
)  # fmt: skip
# Reasons of google.rpc's ErrorInfo, and statuses of google.rpc, that are more specific than the HTTP status 400.
_ERROR_REASON_MAP = {"API_KEY_INVALID": FailureKind.INVALID_KEY, "API_KEY_EXPIRED": FailureKind.INVALID_KEY}
_ERROR_STATUS_MAP = {"FAILED_PRECONDITION": FailureKind.NO_CREDIT}  # no billing, in a country without a free tier

# The model id becomes part of the URL. In the SDK, an id with a slash, "?" or "#" would lead to another URL.
_MODEL_ID = re.compile(r"(?:models/|tunedModels/)?[\w-]+(?:\.[\w-]+)*", re.ASCII)
# Least reasoning that a model accepts: https://ai.google.dev/gemini-api/docs/thinking. Less is a 400, for example
# "minimal" for Gemini 3.7 Flash. The whole third generation accepts "low".
_LEAST_REASONING = (
    (re.compile(r"gemini-2\.5-flash"), types.ThinkingConfig(thinking_budget=0)),
    (re.compile(r"gemini-2\.5-pro"), types.ThinkingConfig(thinking_budget=128)),
    (re.compile(r"gemini-3[.\d]*-flash-lite"), types.ThinkingConfig(thinking_level=types.ThinkingLevel.MINIMAL)),
    (re.compile(r"gemini-3[.\d]*-(?:flash|pro)"), types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW)),
)
# These models ignore a temperature. Google announces that later ones reject it with a 400:
# https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6
_WITHOUT_TEMPERATURE = re.compile(r"gemini-(?:3\.5-flash-lite|3\.[6-9]|[4-9])")


class _ResponseModel(BaseModel):
    """Base of the response models: strict types, unknown fields ignored."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_camel)


class _Part(_ResponseModel):
    text: str = ""
    thought: bool = False


class _Content(_ResponseModel):
    parts: list[_Part] = []


class _Candidate(_ResponseModel):
    content: _Content = _Content()
    finish_reason: str


class _Feedback(_ResponseModel):
    block_reason: str | None = None


class _Usage(_ResponseModel):
    prompt_token_count: int | None = None
    candidates_token_count: int = 0
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None


class _Response(_ResponseModel):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str | None = None


class _ErrorInBody(BaseModel):
    error: Any = None


class _Error(BaseModel):
    status: str = ""
    details: list[dict[str, Any]] = []


class _ErrorBody(BaseModel):
    error: _Error


class Adapter:
    """Adapter of the Gemini API."""

    def __init__(self, name: ProviderName, base_url: str) -> None:  # noqa: ARG002 (all adapters have the same signature)
        # Each call sets its own key. The other values prevent the SDK from reading its environment variables.
        self._client = genai.Client(
            enterprise=False,
            api_key="none",
            debug_config=DebugConfig(client_mode=None),
            http_options=types.HttpOptions(
                base_url=base_url,
                api_version="v1beta",
                httpx_client=make_client(httpx2, HEADERS),
                # The SDK also creates asynchronous clients, which we do not use. Without these arguments each would
                # load the CA certificates again.
                client_args={"verify": tls.provider_context()},
                async_client_args={"verify": tls.provider_context(), "ssl": tls.provider_context()},
            ),
        )

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        """Request a completion, as `Provider.complete` describes."""
        if not _MODEL_ID.fullmatch(model):
            raise ProviderFailure(FailureKind.MODEL_NOT_FOUND, sent=False)
        with provider_call(timeout_s, api_key), _map_api_errors():
            response = self._client.models.generate_content(  # pyright: ignore[reportUnknownMemberType]
                model=model, contents=_build_contents(prompt), config=_build_config(prompt, model, api_key)
            )
            http_response = response.sdk_http_response
            return _map_completion((http_response.body if http_response else None) or "", model)

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        """Return the models of a key, as `Provider.list_models` describes."""
        with provider_call(timeout_s, api_key), _map_api_errors():
            return offered(
                ((model.name or "").removeprefix("models/"), model.input_token_limit)
                for model in self._first_page(api_key)
                if "generateContent" in (model.supported_actions or ())
            )

    def _first_page(self, api_key: str) -> list[types.Model]:
        """Return only the first page of the list. The next page would need another HTTP call."""
        http_options = types.HttpOptions(headers={"x-goog-api-key": api_key})
        config = types.ListModelsConfig(http_options=http_options, page_size=MODELS_MAX)
        try:
            page = self._client.models.list(config=config).page
        except (AttributeError, TypeError):
            page = []
        # The SDK parses lists itself. For a body with another structure it fails, or finds no models.
        if not page:
            raise ValueError("the body is not a list of models")
        return page


# Request.


def _build_contents(prompt: Prompt) -> list[types.Content]:
    roles = {"user": "user", "assistant": "model"}
    return [
        types.Content(role=roles[message.role], parts=[types.Part(text=message.text)]) for message in prompt.messages
    ]


def _build_config(prompt: Prompt, model: str, api_key: str) -> types.GenerateContentConfig:
    output_format: dict[str, Any] = {}
    if prompt.output:
        output_format["response_mime_type"] = "application/json"
        output_format["response_json_schema"] = schemas.gemini(prompt.output.schema_)
    return types.GenerateContentConfig(
        http_options=types.HttpOptions(headers={"x-goog-api-key": api_key}),
        system_instruction=prompt.system or None,
        max_output_tokens=prompt.max_tokens,
        temperature=_temperature(prompt, model),
        thinking_config=_least_reasoning(model),
        # Return the raw response, so that all providers are parsed equally strictly.
        should_return_http_response=True,
        **output_format,
    )


def _temperature(prompt: Prompt, model: str) -> float | None:
    """Return the temperature if the model uses one."""
    return None if _WITHOUT_TEMPERATURE.match(model.removeprefix("models/")) else prompt.temperature


def _least_reasoning(model: str) -> types.ThinkingConfig | None:
    """Return the least reasoning that the model allows, because reasoning counts towards the token limit."""
    name = model.removeprefix("models/")
    return next((least for pattern, least in _LEAST_REASONING if pattern.match(name)), None)


# Errors.


@contextmanager
def _map_api_errors() -> Generator[None]:
    try:
        yield
    except errors.APIError as error:
        # The annotated type names libraries that are not installed.
        response = cast("httpx2.Response", error.response)  # pyright: ignore[reportUnknownMemberType]
        details = _error_details(response.content)
        kind = _failure_kind(details) if response.status_code in {400, 422, 429} else None
        raise failure_of(response, kind, _retry_delay_s(details)) from None


def _error_details(body: bytes) -> dict[str, Any]:
    """Merge the error's details (google.rpc's ErrorInfo and RetryInfo) and its status into one mapping."""
    try:
        error = _ErrorBody.model_validate_json(body).error
    except ValidationError:
        return {}
    return {name: value for part in error.details for name, value in part.items()} | {"status": error.status}


def _failure_kind(details: dict[str, Any]) -> FailureKind | None:
    return _ERROR_REASON_MAP.get(str(details.get("reason"))) or _ERROR_STATUS_MAP.get(str(details.get("status")))


def _retry_delay_s(details: dict[str, Any]) -> float | None:
    """Return the delay of RetryInfo, such as "31.5s". Gemini sends no Retry-After header."""
    delay = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", str(details.get("retryDelay")))
    return float(delay[1]) if delay else None


# Response.


def _map_completion(body: str, model: str) -> Completion:
    if _ErrorInBody.model_validate_json(body).error:
        raise ProviderFailure(FailureKind.ERROR_IN_BODY, status=200)
    response = _Response.model_validate_json(body)
    usage = _map_usage(response.usage_metadata) if response.usage_metadata else None
    if response.prompt_feedback and response.prompt_feedback.block_reason:
        raise ProviderFailure(FailureKind.BLOCKED, status=200, usage=usage)
    finish_reason = response.candidates[0].finish_reason if response.candidates else None
    if finish_reason in _BLOCKED_REASONS:
        raise ProviderFailure(FailureKind.BLOCKED, status=200, usage=usage)
    if finish_reason not in _FINISH_REASON_MAP:
        raise ProviderFailure(FailureKind.MALFORMED, status=200, usage=usage)
    text = "".join(part.text for part in response.candidates[0].content.parts if not part.thought)
    if not text.strip():
        raise ProviderFailure(FailureKind.EMPTY, status=200, usage=usage)
    return Completion(
        text=text, finish_reason=_FINISH_REASON_MAP[finish_reason], model=response.model_version or model, usage=usage
    )


# Usage.


def _map_usage(usage: _Usage) -> TokenUsage | None:
    """Map the usage, in which the API omits zeros.

    Cached tokens are part of the prompt tokens. Reasoning tokens are counted separately from the candidates.
    """
    if usage.prompt_token_count is None:
        return None
    return TokenUsage(
        input_tokens=usage.prompt_token_count,
        output_tokens=usage.candidates_token_count + (usage.thoughts_token_count or 0),
        cached_input_tokens=usage.cached_content_token_count,
        reasoning_tokens=usage.thoughts_token_count,
    )
