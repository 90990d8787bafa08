"""Google Gemini: https://ai.google.dev/api/generate-content and /gemini-api/docs/troubleshooting."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from local.providers.formats.base import (
    NOWHERE,
    Completion,
    Counted,
    Json,
    Prompt,
    Provider,
    Refused,
    Reply,
    Request,
    Target,
    json_reply,
    model_target,
    new_id,
)
from nexus_ai.providers.base import FailureKind, ProviderName

_MODELS: Final = ("gemini-3.5-flash-lite", "gemini-3.8-flash")
# The parameters that these models reject are listed in https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6.
_NEWER: Final = re.compile(r"gemini-(?:3\.5-flash-lite|3\.[6-9]|[4-9])")
# https://ai.google.dev/gemini-api/docs/thinking
_THINKS_BY_BUDGET: Final = re.compile(r"gemini-2\.5")
_THINKS_MORE_THAN_MINIMALLY: Final = re.compile(r"gemini-3(?:[.\d]*-pro|\.[7-9]-flash(?!-lite))")
_VERSION: Final = re.compile(r"^/v1(?:beta|alpha)?(?=/)")
_GENERATE: Final = re.compile(r"^/models/([^/:]+):generateContent$")
_FINISH: Final = {"stop": "STOP", "length": "MAX_TOKENS", "blocked": "SAFETY"}
_RATINGS: Final = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]
# Google reports an invalid key as a 400 with an ErrorInfo, and a project without billing as a failed precondition.
_ERRORS: Final = {
    FailureKind.BAD_REQUEST: (400, "INVALID_ARGUMENT"),
    FailureKind.INVALID_KEY: (400, "INVALID_ARGUMENT"),
    FailureKind.NO_CREDIT: (400, "FAILED_PRECONDITION"),
    FailureKind.NO_PERMISSION: (403, "PERMISSION_DENIED"),
    FailureKind.MODEL_NOT_FOUND: (404, "NOT_FOUND"),
    FailureKind.REQUEST_TIMEOUT: (408, "DEADLINE_EXCEEDED"),
    FailureKind.CONTEXT_TOO_LONG: (413, "INVALID_ARGUMENT"),
    FailureKind.UNPROCESSABLE: (422, "INVALID_ARGUMENT"),
    FailureKind.RATE_LIMITED: (429, "RESOURCE_EXHAUSTED"),
    FailureKind.SERVER_ERROR: (500, "INTERNAL"),
    FailureKind.UNAVAILABLE: (503, "UNAVAILABLE"),
    FailureKind.OVERLOADED: (529, "UNAVAILABLE"),
}


class _CamelModel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, strict=True)


class _Part(_CamelModel):
    text: str


class _Content(_CamelModel):
    role: str | None = None
    parts: Annotated[list[_Part], Field(min_length=1)]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


class _Thinking(_CamelModel):
    """Thinking parameters. The SDK sends these names in snake case; the documentation shows them in camel case."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    thinking_level: Literal["MINIMAL", "LOW", "MEDIUM", "HIGH"] | None = None
    thinking_budget: int | None = None


class _GenerationConfig(_CamelModel):
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    thinking_config: _Thinking = Field(default_factory=_Thinking)
    max_output_tokens: Annotated[int, Field(gt=0)] | None = None
    response_mime_type: str = "text/plain"
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None


class _Body(_CamelModel):
    contents: Annotated[list[_Content], Field(min_length=1)]
    system_instruction: _Content | None = None
    generation_config: _GenerationConfig = Field(default_factory=_GenerationConfig)


def _check(body: _Body, model: str) -> None:
    """Raise Refused if the model does not accept one of the parameters."""
    config = body.generation_config
    level, budget = config.thinking_config.thinking_level, config.thinking_config.thinking_budget
    refused = [
        level is not None and (budget is not None or _THINKS_BY_BUDGET.match(model) is not None),
        level == "MINIMAL" and _THINKS_MORE_THAN_MINIMALLY.match(model) is not None,
    ]
    if _NEWER.match(model):
        refused += [
            config.presence_penalty is not None,
            config.frequency_penalty is not None,
            body.contents[-1].role == "model",
        ]
    if any(refused):
        raise Refused(FailureKind.BAD_REQUEST)


class Google(Provider):
    name = ProviderName.GOOGLE
    base_path = "/google"

    def target(self, method: str, path: str) -> Target:
        version = _VERSION.match(path)
        if version is None:
            return NOWHERE
        path = path[version.end() :]
        generate = _GENERATE.match(path)
        if generate and method == "POST":
            return Target("complete", generate[1])
        return model_target(method, path)

    def api_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-goog-api-key", "").strip()

    def read(self, request: Request) -> Prompt:
        body = _Body.model_validate_json(request.body)
        _check(body, request.target.model)
        config = body.generation_config
        instruction = (body.system_instruction.text,) if body.system_instruction else ()
        wants_json = config.response_mime_type == "application/json"
        return Prompt(
            model=request.target.model,
            texts=(*instruction, *(content.text for content in body.contents)),
            max_tokens=config.max_output_tokens,
            schema=(config.response_json_schema or config.response_schema) if wants_json else None,
            any_json=wants_json,
        )

    def completion_body(self, prompt: Prompt, completion: Completion) -> Json:
        """Return the body of a response. A blocked completion without text is a blocked prompt without candidates."""
        body: Json = {"modelVersion": prompt.model, "responseId": new_id()}
        if completion.text is None:
            body["promptFeedback"] = {"blockReason": "SAFETY", "safetyRatings": _RATINGS}
        else:
            content = {"role": "model", "parts": [{"text": completion.text}] if completion.text else []}
            candidate: Json = {"content": content, "finishReason": _FINISH[completion.finish], "index": 0}
            if completion.finish == "blocked":
                candidate["safetyRatings"] = _RATINGS
            body["candidates"] = [candidate]
        if completion.tokens is not None:
            body["usageMetadata"] = _usage(completion.tokens)
        return body

    def error(self, kind: FailureKind, retry_after_s: float | None) -> Reply:
        code, status = _ERRORS[kind]
        error: Json = {"code": code, "message": f"Simulated {kind.value}.", "status": status}
        details = _details(kind, retry_after_s)
        if details:
            error["details"] = details
        return json_reply({"error": error}, status=code)

    def models(self) -> Json:
        return {"models": [self.model(model) for model in _MODELS]}

    def model(self, model: str) -> Json:
        return {
            "name": f"models/{model}",
            "version": "simulated",
            "displayName": f"{model} (simulated)",
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent"],
        }


def _details(kind: FailureKind, retry_after_s: float | None) -> list[Json]:
    """Return ErrorInfo and RetryInfo of google.rpc. Gemini sends no Retry-After header."""
    details: list[Json] = []
    if kind is FailureKind.INVALID_KEY:
        info = {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", **info})
    if retry_after_s is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after_s:g}s"})
    return details


def _usage(tokens: Counted) -> Json:
    """Return the usage: thoughts are not part of the candidates, cached tokens are part of the prompt. Omit zeros."""
    usage = {"promptTokenCount": tokens.input, "totalTokenCount": tokens.total}
    others = {
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "thoughtsTokenCount": tokens.reasoning,
        "cachedContentTokenCount": tokens.cached,
    }
    details = [{"modality": "TEXT", "tokenCount": tokens.input}]
    return {**usage, **{name: count for name, count in others.items() if count}, "promptTokensDetails": details}
