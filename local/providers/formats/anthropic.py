"""Anthropic: https://platform.claude.com/docs/en/api/messages and /docs/en/api/errors."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

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
    retry_after_header,
)
from local.providers.schema_rules import check_anthropic
from nexus_ai.providers.base import FailureKind, ProviderName

_MODELS: Final = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
# The parameters that these models reject are listed in https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide.
_FIFTH_GENERATION: Final = re.compile(r"claude-[a-z]+-[5-9]")
# https://platform.claude.com/docs/en/build-with-claude/effort
_WITHOUT_EFFORT: Final = re.compile(r"claude-(?:3|(?:haiku|sonnet)-4-5)")
_STOP: Final = {"stop": "end_turn", "length": "max_tokens", "blocked": "refusal"}
_ERRORS: Final = {
    FailureKind.BAD_REQUEST: (400, "invalid_request_error"),
    FailureKind.INVALID_KEY: (401, "authentication_error"),
    FailureKind.NO_CREDIT: (402, "billing_error"),
    FailureKind.NO_PERMISSION: (403, "permission_error"),
    FailureKind.MODEL_NOT_FOUND: (404, "not_found_error"),
    FailureKind.REQUEST_TIMEOUT: (408, "timeout_error"),
    FailureKind.CONTEXT_TOO_LONG: (413, "request_too_large"),
    FailureKind.UNPROCESSABLE: (422, "invalid_request_error"),
    FailureKind.RATE_LIMITED: (429, "rate_limit_error"),
    FailureKind.SERVER_ERROR: (500, "api_error"),
    FailureKind.UNAVAILABLE: (503, "api_error"),
    FailureKind.OVERLOADED: (529, "overloaded_error"),
}


class _Block(BaseModel):
    type: Literal["text"]
    text: str


type _Content = str | list[_Block]


class _Message(BaseModel):
    role: Literal["user", "assistant"]
    content: _Content


class _Format(BaseModel):
    type: Literal["json_schema"]
    schema_: Annotated[dict[str, Any], Field(alias="schema")]


class _OutputConfig(BaseModel):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Thinking(BaseModel):
    type: Literal["adaptive", "enabled", "disabled"]


class _Body(BaseModel):
    """Fields that are read from a request. A streamed request is rejected, because streaming is not simulated."""

    model_config = ConfigDict(strict=True)

    model: Annotated[str, Field(min_length=1)]
    max_tokens: Annotated[int, Field(gt=0)]
    messages: Annotated[list[_Message], Field(min_length=1)]
    system: _Content = ""
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None  # the name of the field while structured outputs were in beta
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: _Thinking | None = None
    stream: Literal[False] | None = None


def _check(body: _Body) -> None:
    """Raise Refused if the model does not accept one of the parameters."""
    effort = body.output_config.effort if body.output_config else None
    refused = [effort is not None and _WITHOUT_EFFORT.match(body.model) is not None]
    if _FIFTH_GENERATION.match(body.model):
        refused = [
            body.temperature not in {None, 1},
            body.top_p not in {None, 0.99},
            body.top_k is not None,
            body.thinking is not None and body.thinking.type == "enabled",
            body.messages[-1].role == "assistant",
        ]
    if any(refused):
        raise Refused(FailureKind.BAD_REQUEST)


def _text(content: _Content) -> str:
    return content if isinstance(content, str) else "".join(block.text for block in content)


class Anthropic(Provider):
    name = ProviderName.ANTHROPIC
    base_path = "/anthropic"

    def target(self, method: str, path: str) -> Target:
        if method == "POST" and path == "/v1/messages":
            return Target("complete")
        return model_target(method, path.removeprefix("/v1")) if path.startswith("/v1/") else NOWHERE

    def api_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-api-key", "").strip() or super().api_key(headers)

    def read(self, request: Request) -> Prompt:
        if "anthropic-version" not in request.headers:
            raise Refused(FailureKind.BAD_REQUEST)
        body = _Body.model_validate_json(request.body)
        _check(body)
        output_format = body.output_config.format if body.output_config else body.output_format
        if output_format:
            check_anthropic(output_format.schema_)
        return Prompt(
            model=body.model,
            texts=(_text(body.system), *(_text(message.content) for message in body.messages)),
            max_tokens=body.max_tokens,
            schema=output_format.schema_ if output_format else None,
        )

    def completion_body(self, prompt: Prompt, completion: Completion) -> Json:
        refused = completion.finish == "blocked"
        body: Json = {
            "id": f"msg_{new_id()}",
            "type": "message",
            "role": "assistant",
            "model": prompt.model,
            "content": [{"type": "text", "text": completion.text}] if completion.text else [],
            "stop_reason": _STOP[completion.finish],
            "stop_sequence": None,
        }
        if refused:
            body["stop_details"] = {"type": "refusal", "category": "general_harms", "explanation": "Simulated."}
        if completion.tokens is not None:
            body["usage"] = _usage(completion.tokens)
        return body

    def error(self, kind: FailureKind, retry_after_s: float | None) -> Reply:
        status, error_type = _ERRORS[kind]
        request_id = f"req_{new_id()}"
        error = {"type": error_type, "message": f"Simulated {kind.value}."}
        body: Json = {"type": "error", "error": error, "request_id": request_id}
        return json_reply(body, status=status, headers={"request-id": request_id, **retry_after_header(retry_after_s)})

    def models(self) -> Json:
        data = [self.model(model) for model in _MODELS]
        return {"data": data, "has_more": False, "first_id": _MODELS[0], "last_id": _MODELS[-1]}

    def model(self, model: str) -> Json:
        return {
            "type": "model",
            "id": model,
            "display_name": f"{model} (simulated)",
            "created_at": "2026-10-07T00:00:00Z",
            "lifecycle": "active",
            "max_input_tokens": 1_000_000,
            "max_tokens": 128_000,
        }


def _usage(tokens: Counted) -> Json:
    """Report cached and cache-write tokens separately: Anthropic's input tokens do not include them."""
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": tokens.output,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
        "service_tier": "standard",
    }
