"""Groq: https://console.groq.com/docs/api-reference, /docs/errors and /docs/spend-limits."""

from typing import Final

from local.providers.formats.base import (
    NOWHERE,
    Completion,
    Counted,
    Json,
    Prompt,
    Refused,
    Reply,
    Target,
    json_reply,
    new_id,
    retry_after_header,
)
from local.providers.formats.chat import ChatBody, ChatProvider, ErrorRow
from nexus_ai.providers.base import FailureKind, ProviderName

_INVALID: Final = "invalid_request_error"
# A reached spend limit is a 400 with a separate code. Groq sends no 529: it comes from gateways in front of it.
_ERRORS: Final[dict[FailureKind, ErrorRow]] = {
    FailureKind.BAD_REQUEST: (400, _INVALID, None),
    FailureKind.INVALID_KEY: (401, _INVALID, "invalid_api_key"),
    FailureKind.NO_CREDIT: (400, _INVALID, "blocked_api_access"),
    FailureKind.NO_PERMISSION: (403, "permissions_error", "model_permission_blocked_org"),
    FailureKind.MODEL_NOT_FOUND: (404, _INVALID, "model_not_found"),
    FailureKind.REQUEST_TIMEOUT: (408, _INVALID, None),
    FailureKind.CONTEXT_TOO_LONG: (400, _INVALID, "context_length_exceeded"),
    FailureKind.UNPROCESSABLE: (422, _INVALID, None),
    FailureKind.RATE_LIMITED: (429, "tokens", "rate_limit_exceeded"),
    FailureKind.SERVER_ERROR: (500, "internal_server_error", None),
    FailureKind.UNAVAILABLE: (503, "internal_server_error", "service_unavailable"),
    FailureKind.OVERLOADED: (529, "internal_server_error", None),
}

# https://console.groq.com/docs/reasoning
_EFFORTS: Final = {"openai/gpt-oss": frozenset({"low", "medium", "high"}), "qwen/": frozenset({"none", "default"})}


class Groq(ChatProvider):
    name = ProviderName.GROQ
    base_path = "/groq"
    owner = "Groq"
    model_ids = ("openai/gpt-oss-20b", "openai/gpt-oss-120b")

    def target(self, method: str, path: str) -> Target:
        return super().target(method, path.removeprefix("/openai/v1")) if path.startswith("/openai/v1/") else NOWHERE

    def check(self, body: ChatBody) -> None:
        """Raise Refused if the model does not support the reasoning effort."""
        efforts = next((known for name, known in _EFFORTS.items() if body.model.startswith(name)), frozenset[str]())
        if body.reasoning_effort is not None and body.reasoning_effort not in efforts:
            raise Refused(FailureKind.BAD_REQUEST)

    def error(self, kind: FailureKind, retry_after_s: float | None) -> Reply:
        status, kind_of_error, code = _ERRORS[kind]
        error = {"message": f"Simulated {kind.value}.", "type": kind_of_error}
        if code is not None:
            error["code"] = code
        headers = {"x-request-id": new_id(), **retry_after_header(retry_after_s)}
        return json_reply({"error": error}, status=status, headers=headers)

    def completion_body(self, prompt: Prompt, completion: Completion) -> Json:
        return super().completion_body(prompt, completion) | {
            "x_groq": {"id": f"req_{new_id()}"},
            "service_tier": "on_demand",
        }

    def usage(self, tokens: Counted) -> Json:
        return {
            "queue_time": 0.001,
            "prompt_tokens": tokens.input,
            "prompt_time": 0.001,
            "completion_tokens": tokens.output,
            "completion_time": 0.01,
            "total_tokens": tokens.total,
            "total_time": 0.012,
            "prompt_tokens_details": {"cached_tokens": tokens.cached},
            "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
        }

    def model(self, model: str) -> Json:
        more = {"active": True, "context_window": 131_072, "max_completion_tokens": 32_768, "public_apps": None}
        return super().model(model) | more
