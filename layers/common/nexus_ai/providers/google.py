"""Google Gemini: https://ai.google.dev/api/generate-content and /gemini-api/docs/troubleshooting.

A prompt that is larger than the model's context is a 400 INVALID_ARGUMENT, which only its words tell from any other bad
request, and words are not read.
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
# As many as one page of the list of models holds.
MODELS_MAX = 1000
_FINISH_REASONS = {"STOP": FinishReason.STOP, "MAX_TOKENS": FinishReason.LENGTH, "CONTINUATION": FinishReason.LENGTH}
_BLOCKED = frozenset(
    {
        "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION",
        "PUP_LIMITED_DISABLED",
    }
)  # fmt: skip
# Reasons of google.rpc's ErrorInfo, and states, that say more than their status 400.
_REASONS = {"API_KEY_INVALID": FailureKind.INVALID_KEY, "API_KEY_EXPIRED": FailureKind.INVALID_KEY}
_STATES = {"FAILED_PRECONDITION": FailureKind.NO_CREDIT}  # the project has no billing where there is no free tier

# The name becomes a part of the address. In the SDK's hands one with a slash, "?" or "#" in it would lead elsewhere.
_MODEL = re.compile(r"(?:models/|tunedModels/)?[\w-]+(?:\.[\w-]+)*", re.ASCII)
# https://ai.google.dev/gemini-api/docs/thinking: the least that a model takes. Less is a 400, as "minimal" is at
# Gemini 3.7 Flash; "low" is what the whole third generation takes.
_LEAST_THINKING = (
    (re.compile(r"gemini-2\.5-flash"), types.ThinkingConfig(thinking_budget=0)),
    (re.compile(r"gemini-2\.5-pro"), types.ThinkingConfig(thinking_budget=128)),
    (re.compile(r"gemini-3[.\d]*-flash-lite"), types.ThinkingConfig(thinking_level=types.ThinkingLevel.MINIMAL)),
    (re.compile(r"gemini-3[.\d]*-(?:flash|pro)"), types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW)),
)
# These models ignore a temperature, and Google announces that later ones refuse it with a 400:
# https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6
_WITHOUT_TEMPERATURE = re.compile(r"gemini-(?:3\.5-flash-lite|3\.[6-9]|[4-9])")


class _Wire(BaseModel):
    """What is read of an answer: strictly typed, and blind to fields that are not named."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_camel)


class _Part(_Wire):
    text: str = ""
    thought: bool = False


class _Content(_Wire):
    parts: list[_Part] = []


class _Candidate(_Wire):
    content: _Content = _Content()
    finish_reason: str


class _Feedback(_Wire):
    block_reason: str | None = None


class _Usage(_Wire):
    prompt_token_count: int | None = None
    candidates_token_count: int = 0
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None


class _Response(_Wire):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str | None = None


class _ErrorInside(BaseModel):
    error: Any = None


class _Error(BaseModel):
    status: str = ""
    details: list[dict[str, Any]] = []


class _ErrorBody(BaseModel):
    error: _Error


class Adapter:
    def __init__(self, name: ProviderName, base_url: str) -> None:  # noqa: ARG002 (every adapter is made alike)
        # Each call brings its own key. What the SDK would read from its environment is said here.
        self._client = genai.Client(
            enterprise=False,
            api_key="none",
            debug_config=DebugConfig(client_mode=None),
            http_options=types.HttpOptions(
                base_url=base_url,
                api_version="v1beta",
                httpx_client=make_client(httpx2, HEADERS),
                # Its asynchronous clients, which nobody uses, would read the authorities twice more.
                client_args={"verify": tls.provider_context()},
                async_client_args={"verify": tls.provider_context(), "ssl": tls.provider_context()},
            ),
        )

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        if not _MODEL.fullmatch(model):
            raise ProviderFailure(FailureKind.MODEL_NOT_FOUND, sent=False)
        with provider_call(timeout_s, api_key), _map_api_errors():
            answer = self._client.models.generate_content(  # pyright: ignore[reportUnknownMemberType]
                model=model, contents=_contents(prompt), config=_config(prompt, model, api_key)
            )
            sent_back = answer.sdk_http_response
            return _completion((sent_back.body if sent_back else None) or "", model)

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        with provider_call(timeout_s, api_key), _map_api_errors():
            return offered(
                ((model.name or "").removeprefix("models/"), model.input_token_limit)
                for model in self._first_page(api_key)
                if "generateContent" in (model.supported_actions or ())
            )

    def _first_page(self, api_key: str) -> list[types.Model]:
        """The first page of the models alone: asking for the next one would be another call."""
        http_options = types.HttpOptions(headers={"x-goog-api-key": api_key})
        config = types.ListModelsConfig(http_options=http_options, page_size=MODELS_MAX)
        try:
            page = self._client.models.list(config=config).page
        except (AttributeError, TypeError):
            page = []
        # The SDK reads a list by itself: it stumbles over a body of another shape, or finds nothing in it.
        if not page:
            raise ValueError("the body is no list of models")
        return page


# Request.


def _contents(prompt: Prompt) -> list[types.Content]:
    roles = {"user": "user", "assistant": "model"}
    return [
        types.Content(role=roles[message.role], parts=[types.Part(text=message.text)]) for message in prompt.messages
    ]


def _config(prompt: Prompt, model: str, api_key: str) -> types.GenerateContentConfig:
    wanted: dict[str, Any] = {}
    if prompt.output:
        wanted["response_mime_type"] = "application/json"
        wanted["response_json_schema"] = schemas.gemini(prompt.output.schema_)
    return types.GenerateContentConfig(
        http_options=types.HttpOptions(headers={"x-goog-api-key": api_key}),
        system_instruction=prompt.system or None,
        max_output_tokens=prompt.max_tokens,
        temperature=_temperature(prompt, model),
        thinking_config=_thinking(model),
        # The body as it came: it is read here, as strictly as every vendor's.
        should_return_http_response=True,
        **wanted,
    )


def _temperature(prompt: Prompt, model: str) -> float | None:
    """Return the temperature where the model heeds one."""
    return None if _WITHOUT_TEMPERATURE.match(model.removeprefix("models/")) else prompt.temperature


def _thinking(model: str) -> types.ThinkingConfig | None:
    """As little as the model allows, since thoughts count into the tokens that are allowed."""
    name = model.removeprefix("models/")
    return next((least for pattern, least in _LEAST_THINKING if pattern.match(name)), None)


# Errors.


@contextmanager
def _map_api_errors() -> Generator[None]:
    try:
        yield
    except errors.APIError as error:
        # Its type names libraries that are not installed.
        response = cast("httpx2.Response", error.response)  # pyright: ignore[reportUnknownMemberType]
        details = _details(response.content)
        kind = _kind(details) if response.status_code in {400, 422, 429} else None
        raise failure_of(response, kind, _retry_delay_s(details)) from None


def _details(body: bytes) -> dict[str, Any]:
    """The members of the error's details (google.rpc's ErrorInfo, RetryInfo) and its status, in one."""
    try:
        error = _ErrorBody.model_validate_json(body).error
    except ValidationError:
        return {}
    return {name: value for part in error.details for name, value in part.items()} | {"status": error.status}


def _kind(details: dict[str, Any]) -> FailureKind | None:
    return _REASONS.get(str(details.get("reason"))) or _STATES.get(str(details.get("status")))


def _retry_delay_s(details: dict[str, Any]) -> float | None:
    """RetryInfo's delay, as in "31.5s": Gemini sends no Retry-After."""
    delay = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", str(details.get("retryDelay")))
    return float(delay[1]) if delay else None


# Answer.


def _completion(body: str, model: str) -> Completion:
    if _ErrorInside.model_validate_json(body).error:
        raise ProviderFailure(FailureKind.ERROR_IN_BODY, status=200)
    answer = _Response.model_validate_json(body)
    usage = _usage(answer.usage_metadata) if answer.usage_metadata else None
    if answer.prompt_feedback and answer.prompt_feedback.block_reason:
        raise ProviderFailure(FailureKind.BLOCKED, status=200, usage=usage)
    finish_reason = answer.candidates[0].finish_reason if answer.candidates else None
    if finish_reason in _BLOCKED:
        raise ProviderFailure(FailureKind.BLOCKED, status=200, usage=usage)
    if finish_reason not in _FINISH_REASONS:
        raise ProviderFailure(FailureKind.MALFORMED, status=200, usage=usage)
    text = "".join(part.text for part in answer.candidates[0].content.parts if not part.thought)
    if not text.strip():
        raise ProviderFailure(FailureKind.EMPTY, status=200, usage=usage)
    return Completion(
        text=text, finish_reason=_FINISH_REASONS[finish_reason], model=answer.model_version or model, usage=usage
    )


# Usage.


def _usage(usage: _Usage) -> TokenUsage | None:
    """Cached tokens are part of the prompt's; thoughts are counted beside the candidates. Zeros are left out."""
    if usage.prompt_token_count is None:
        return None
    return TokenUsage(
        input_tokens=usage.prompt_token_count,
        output_tokens=usage.candidates_token_count + (usage.thoughts_token_count or 0),
        cached_input_tokens=usage.cached_content_token_count,
        reasoning_tokens=usage.thoughts_token_count,
    )
