"""OpenRouter: https://openrouter.ai/docs/api/reference/overview and /docs/api/reference/errors-and-debugging."""

import re
from decimal import Decimal
from typing import Final

from local.providers.formats.base import (
    Completion,
    Counted,
    Json,
    Prompt,
    Refused,
    Reply,
    Target,
    json_reply,
    retry_after_header,
)
from local.providers.formats.chat import ChatBody, ChatProvider
from nexus_ai.providers.base import FailureKind, ProviderName

# US dollars per token: 0.10 and 0.40 per million. Cached tokens have the same price, which keeps costs easy to check.
PROMPT_PRICE: Final = Decimal("0.0000001")
COMPLETION_PRICE: Final = Decimal("0.0000004")


def cost_dollars(tokens: Counted) -> Decimal:
    return tokens.input * PROMPT_PRICE + tokens.output * COMPLETION_PRICE


# Status and the metadata's error_type. The code of an OpenRouter error is its status.
_ERRORS: Final = {
    FailureKind.BAD_REQUEST: (400, "invalid_request"),
    FailureKind.INVALID_KEY: (401, "authentication"),
    FailureKind.NO_CREDIT: (402, "payment_required"),
    FailureKind.NO_PERMISSION: (403, "permission_denied"),
    FailureKind.MODEL_NOT_FOUND: (404, "not_found"),
    FailureKind.REQUEST_TIMEOUT: (408, "timeout"),
    FailureKind.CONTEXT_TOO_LONG: (400, "context_length_exceeded"),
    FailureKind.UNPROCESSABLE: (422, "unprocessable"),
    FailureKind.RATE_LIMITED: (429, "rate_limit_exceeded"),
    FailureKind.SERVER_ERROR: (502, "server"),
    FailureKind.UNAVAILABLE: (503, "provider_unavailable"),
    FailureKind.OVERLOADED: (529, "provider_overloaded"),
}

_PARAMETERS: Final = ("max_tokens", "temperature", "response_format", "structured_outputs")
# OpenRouter's list of models names no temperature for OpenAI's reasoning models.
_THINKS: Final = re.compile(r"openai/(?:o\d|gpt-[5-9])(?!.*chat)")


def _parameters(model: str) -> list[str]:
    if _THINKS.match(model):
        return [*(name for name in _PARAMETERS if name != "temperature"), "reasoning"]
    return list(_PARAMETERS)


class OpenRouter(ChatProvider):
    name = ProviderName.OPENROUTER
    base_path = "/openrouter/api/v1"
    id_prefix = "gen-"
    # /models/user lists the models that a key may use.
    public = frozenset({Target("models")})
    owner = "openrouter"
    model_ids = ("openai/gpt-6-luna", "anthropic/claude-haiku-5.5", "google/gemini-3.5-flash-lite")

    def target(self, method: str, path: str) -> Target:
        if method == "GET" and path in {"/key", "/auth/key"}:
            return Target("key")
        if method == "GET" and path == "/models/user":
            return Target("models", "user")
        return super().target(method, path)

    def check(self, body: ChatBody) -> None:
        """Raise Refused if no upstream provider accepts a required parameter; optional parameters are dropped."""
        required = body.provider is not None and body.provider.require_parameters
        if required and body.temperature is not None and "temperature" not in _parameters(body.model):
            raise Refused(FailureKind.MODEL_NOT_FOUND)

    def error(self, kind: FailureKind, retry_after_s: float | None) -> Reply:
        status, error_type = _ERRORS[kind]
        metadata = {"error_type": error_type, "provider_name": "Simulated"}
        error = {"code": status, "message": f"Simulated {kind.value}.", "metadata": metadata}
        return json_reply({"error": error}, status=status, headers=retry_after_header(retry_after_s))

    def completion_body(self, prompt: Prompt, completion: Completion) -> Json:
        return super().completion_body(prompt, completion) | {"provider": "Simulated"}

    def choice(self, completion: Completion) -> Json:
        choice = super().choice(completion)
        choice["message"] |= {"refusal": None, "reasoning": None}
        return choice | {"native_finish_reason": choice["finish_reason"]}

    def usage(self, tokens: Counted) -> Json:
        return {
            "prompt_tokens": tokens.input,
            "completion_tokens": tokens.output,
            "total_tokens": tokens.total,
            "cost": float(cost_dollars(tokens)),
            "is_byok": False,
            "prompt_tokens_details": {
                "cached_tokens": tokens.cached,
                "cache_write_tokens": tokens.cache_write,
                "audio_tokens": 0,
            },
            "cost_details": {"upstream_inference_cost": None},
            "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "image_tokens": 0},
        }

    def models(self) -> Json:
        return {"data": [self.model(model) for model in self.model_ids]}

    def model(self, model: str) -> Json:
        return {
            "id": model,
            "canonical_slug": model,
            "name": f"{model} (simulated)",
            "created": 1_750_000_000,
            "description": "A simulated model.",
            "context_length": 131_072,
            "architecture": {"modality": "text->text", "input_modalities": ["text"], "output_modalities": ["text"]},
            "pricing": {"prompt": f"{PROMPT_PRICE:f}", "completion": f"{COMPLETION_PRICE:f}", "request": "0"},
            "top_provider": {"context_length": 131_072, "max_completion_tokens": 16_384, "is_moderated": False},
            "supported_parameters": _parameters(model),
        }

    def key_status(self) -> Json:
        return {
            "data": {"label": "simulated", "usage": 0, "limit": None, "limit_remaining": None, "is_free_tier": False}
        }
