"""OpenAI: https://platform.openai.com/docs/api-reference/chat and /docs/guides/error-codes."""

import re
from typing import Final

from local.providers.formats.base import (
    Completion,
    Counted,
    Json,
    Refused,
    Reply,
    json_reply,
    new_id,
    retry_after_header,
)
from local.providers.formats.chat import ChatBody, ChatProvider, ErrorRow
from nexus_ai.providers.base import FailureKind, ProviderName

_INVALID: Final = "invalid_request_error"
_REFUSAL: Final = "I'm sorry, I can't help with that. [simulated]"
# OpenAI sends no 529: it comes from gateways that use OpenAI's format.
_ERRORS: Final[dict[FailureKind, ErrorRow]] = {
    FailureKind.BAD_REQUEST: (400, _INVALID, "invalid_value"),
    FailureKind.INVALID_KEY: (401, _INVALID, "invalid_api_key"),
    FailureKind.NO_CREDIT: (429, "insufficient_quota", "insufficient_quota"),
    FailureKind.NO_PERMISSION: (403, "request_forbidden", "unsupported_country_region_territory"),
    FailureKind.MODEL_NOT_FOUND: (404, _INVALID, "model_not_found"),
    FailureKind.REQUEST_TIMEOUT: (408, "server_error", "request_timeout"),
    FailureKind.CONTEXT_TOO_LONG: (400, _INVALID, "context_length_exceeded"),
    FailureKind.UNPROCESSABLE: (422, _INVALID, None),
    FailureKind.RATE_LIMITED: (429, "requests", "rate_limit_exceeded"),
    FailureKind.SERVER_ERROR: (500, "server_error", None),
    FailureKind.UNAVAILABLE: (503, "server_error", None),
    FailureKind.OVERLOADED: (529, "server_error", "overloaded"),
}

# Reasoning models, as listed in https://developers.openai.com/api/docs/guides/deployment-checklist and in the pages of
# the models.
_THINKS: Final = re.compile(r"(?:o\d|gpt-[5-9])(?!.*chat)")
_LATEST: Final = re.compile(r"gpt-(?:5\.6|[6-9])")
_ALWAYS_THINKS: Final = re.compile(r"gpt-(?:6-astra|6\.1-sol)")
_TOOLS_ELSEWHERE: Final = re.compile(r"gpt-(?:6-astra|6\.1)")
_EFFORTS: Final = frozenset({"minimal", "low", "medium", "high"})
_LATEST_EFFORTS: Final = frozenset({"none", "low", "medium", "high", "xhigh", "max"})


def _efforts(model: str) -> frozenset[str]:
    if not _LATEST.match(model):
        return _EFFORTS
    return _LATEST_EFFORTS - {"none"} if _ALWAYS_THINKS.match(model) else _LATEST_EFFORTS


class OpenAI(ChatProvider):
    name = ProviderName.OPENAI
    base_path = "/openai/v1"
    owner = "openai"
    model_ids = ("gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra")

    def check(self, body: ChatBody) -> None:
        """Raise Refused for `max_tokens`, an unknown effort, and sampling or tools of a reasoning model."""
        effort = body.reasoning_effort
        refused = [effort is not None]
        if _THINKS.match(body.model):
            thinks = effort != "none"
            refused = [
                body.max_tokens is not None,
                effort is not None and effort not in _efforts(body.model),
                thinks and body.temperature not in {None, 1},
                thinks and body.top_p not in {None, 1},
                thinks and bool(body.logprobs),
                bool(body.tools) and (thinks or _TOOLS_ELSEWHERE.match(body.model) is not None),
            ]
        if any(refused):
            raise Refused(FailureKind.BAD_REQUEST)

    def error(self, kind: FailureKind, retry_after_s: float | None) -> Reply:
        status, kind_of_error, code = _ERRORS[kind]
        error = {"message": f"Simulated {kind.value}.", "type": kind_of_error, "param": None, "code": code}
        headers = {"x-request-id": new_id(), **retry_after_header(retry_after_s)}
        return json_reply({"error": error}, status=status, headers=headers)

    def choice(self, completion: Completion) -> Json:
        """Return the choice. A blocked completion without text is a refusal with the finish reason "stop"."""
        choice = super().choice(completion)
        choice["message"] |= {"refusal": None, "annotations": []}
        if completion.text is None:
            choice["message"]["refusal"] = _REFUSAL
            choice["finish_reason"] = "stop"
        return choice

    def usage(self, tokens: Counted) -> Json:
        return {
            "prompt_tokens": tokens.input,
            "completion_tokens": tokens.output,
            "total_tokens": tokens.total,
            "prompt_tokens_details": {
                "cached_tokens": tokens.cached,
                "cache_write_tokens": tokens.cache_write,
                "audio_tokens": 0,
            },
            "completion_tokens_details": {
                "reasoning_tokens": tokens.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
