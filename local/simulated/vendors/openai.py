"""OpenAI: https://platform.openai.com/docs/api-reference/chat and /docs/guides/error-codes."""

from typing import Final

from local.simulated.vendors.base import Counted, Json, Reply, Said, json_reply, new_id, retry_after_header
from local.simulated.vendors.chat import ChatVendor, ErrorRow
from nexus_ai.providers.base import FailureKind, ProviderName

_INVALID: Final = "invalid_request_error"
_REFUSAL: Final = "I'm sorry, I can't help with that. [simulated]"
# A 529 is no status of OpenAI's own: it stands for gateways that pass one on in OpenAI's shape.
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


class OpenAI(ChatVendor):
    name = ProviderName.OPENAI
    base_path = "/openai/v1"
    owner = "openai"
    model_ids = ("gpt-4o-mini", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5-mini", "gpt-5-nano")

    def error(self, kind: FailureKind, retry_after_s: float | None) -> Reply:
        status, kind_of_error, code = _ERRORS[kind]
        error = {"message": f"Simulated {kind.value}.", "type": kind_of_error, "param": None, "code": code}
        headers = {"x-request-id": new_id(), **retry_after_header(retry_after_s)}
        return json_reply({"error": error}, status=status, headers=headers)

    def choice(self, said: Said) -> Json:
        """A blocked answer without any text is a refusal, which ends as an answer does."""
        choice = super().choice(said)
        choice["message"] |= {"refusal": None, "annotations": []}
        if said.text is None:
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
