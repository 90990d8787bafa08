"""Anthropic: https://platform.claude.com/docs/en/api/messages and /docs/en/api/errors."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from local.providers.formats.base import (
    NOWHERE,
    Counted,
    Json,
    Question,
    Refused,
    Reply,
    Request,
    Said,
    Target,
    Vendor,
    json_reply,
    model_target,
    new_id,
    retry_after_header,
)
from local.providers.schema_rules import check_anthropic
from nexus_ai.providers.base import FailureKind, ProviderName

_MODELS: Final = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
# What these refuse stands in https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide.
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
    """What is read of a request; streaming is not simulated, so that it is refused."""

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


def _check(asked: _Body) -> None:
    """Raise Refused where the model does not take one of the parameters."""
    effort = asked.output_config.effort if asked.output_config else None
    refused = [effort is not None and _WITHOUT_EFFORT.match(asked.model) is not None]
    if _FIFTH_GENERATION.match(asked.model):
        refused = [
            asked.temperature not in {None, 1},
            asked.top_p not in {None, 0.99},
            asked.top_k is not None,
            asked.thinking is not None and asked.thinking.type == "enabled",
            asked.messages[-1].role == "assistant",
        ]
    if any(refused):
        raise Refused(FailureKind.BAD_REQUEST)


def _text(content: _Content) -> str:
    return content if isinstance(content, str) else "".join(block.text for block in content)


class Anthropic(Vendor):
    name = ProviderName.ANTHROPIC
    base_path = "/anthropic"

    def target(self, method: str, path: str) -> Target:
        if method == "POST" and path == "/v1/messages":
            return Target("complete")
        return model_target(method, path.removeprefix("/v1")) if path.startswith("/v1/") else NOWHERE

    def api_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-api-key", "").strip() or super().api_key(headers)

    def read(self, request: Request) -> Question:
        if "anthropic-version" not in request.headers:
            raise Refused(FailureKind.BAD_REQUEST)
        asked = _Body.model_validate_json(request.body)
        _check(asked)
        wanted = asked.output_config.format if asked.output_config else asked.output_format
        if wanted:
            check_anthropic(wanted.schema_)
        return Question(
            model=asked.model,
            texts=(_text(asked.system), *(_text(message.content) for message in asked.messages)),
            max_tokens=asked.max_tokens,
            schema=wanted.schema_ if wanted else None,
        )

    def completion(self, question: Question, said: Said) -> Json:
        refused = said.finish == "blocked"
        body: Json = {
            "id": f"msg_{new_id()}",
            "type": "message",
            "role": "assistant",
            "model": question.model,
            "content": [{"type": "text", "text": said.text}] if said.text else [],
            "stop_reason": _STOP[said.finish],
            "stop_sequence": None,
        }
        if refused:
            body["stop_details"] = {"type": "refusal", "category": "general_harms", "explanation": "Simulated."}
        if said.tokens is not None:
            body["usage"] = _usage(said.tokens)
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
    """Cached and cache-write tokens stand beside the input tokens, not in them."""
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": tokens.output,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
        "service_tier": "standard",
    }
