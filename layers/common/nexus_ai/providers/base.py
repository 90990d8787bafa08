"""Define the interface of a provider, and the types of its prompts, completions and failures."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class ProviderName(StrEnum):
    """Provider that a tenant can configure."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    GROQ = "groq"
    OPENROUTER = "openrouter"


# Model id as the provider writes it. It has no two separators in a row, so it cannot be a path such as "..".
MODEL_ID_PATTERN = r"^[A-Za-z0-9]+([._:/@-][A-Za-z0-9]+)*$"
MODEL_ID_MAX = 120
ModelId = Annotated[str, StringConstraints(pattern=MODEL_ID_PATTERN, max_length=MODEL_ID_MAX)]


class Message(BaseModel):
    """Message of a prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["user", "assistant"]
    text: str


class OutputSchema(BaseModel):
    """JSON Schema that a completion must follow. `name` matches [a-z_]+, as providers require."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    schema_: Mapping[str, Any] = Field(alias="schema")


class Prompt(BaseModel):
    """Prompt in a form that is independent of the provider.

    `max_tokens` bounds the whole output, reasoning included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    messages: tuple[Message, ...]
    max_tokens: int = Field(gt=0)
    temperature: float | None = None
    output: OutputSchema | None = None


class TokenUsage(BaseModel):
    """Tokens as the provider counted them, in one form for all providers.

    The input includes cached and cache-write tokens, and the output includes reasoning tokens. A part is None if the
    provider does not report it. `cost_micros` is the provider's own price of the call in micro-dollars, if it reports
    one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cached_input_tokens: int | None = Field(default=None, ge=0)
    cache_write_tokens: int | None = Field(default=None, ge=0)
    reasoning_tokens: int | None = Field(default=None, ge=0)
    cost_micros: int | None = Field(default=None, ge=0)

    @property
    def total_tokens(self) -> int:
        """Return the input and output tokens together."""
        return self.input_tokens + self.output_tokens


class FinishReason(StrEnum):
    """Reason why the model stopped: it finished, or it reached the token limit."""

    STOP = "stop"
    LENGTH = "length"


class Completion(BaseModel):
    """Completion that contains text.

    `model` is the model that generated it. `usage` is None if the provider reported none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    finish_reason: FinishReason
    model: str
    usage: TokenUsage | None


class OfferedModel(BaseModel):
    """Model that a provider key may use. `context_tokens` is None if the provider's list does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: ModelId
    context_tokens: int | None = Field(default=None, gt=0)


class FailureKind(StrEnum):
    """Kind of a failed attempt. gateway/retry_policy.py says what happens after each kind."""

    BAD_REQUEST = "bad_request"  # 400
    INVALID_KEY = "invalid_key"  # 401
    NO_CREDIT = "no_credit"  # 402, or 429 if the provider's code says that the quota is not paid for
    NO_PERMISSION = "no_permission"  # 403
    MODEL_NOT_FOUND = "model_not_found"  # 404
    REQUEST_TIMEOUT = "request_timeout"  # 408
    CONTEXT_TOO_LONG = "context_too_long"  # 413, or 400 if the provider's code says so
    UNPROCESSABLE = "unprocessable"  # 422
    RATE_LIMITED = "rate_limited"  # 429
    SERVER_ERROR = "server_error"  # 500 and every other 5xx
    UNAVAILABLE = "unavailable"  # 503
    OVERLOADED = "overloaded"  # 529
    TIMEOUT = "timeout"  # no complete response within the attempt's time
    RESET = "reset"  # the connection broke
    UNREACHABLE = "unreachable"  # no connection, so nothing was sent
    MALFORMED = "malformed"  # a body that does not match the provider's documentation
    ERROR_IN_BODY = "error_in_body"  # 200 with an error in the body
    REDIRECT = "redirect"  # not followed, because it would carry the key to another host
    BLOCKED = "blocked"  # the provider's safety system blocked the prompt or the completion
    EMPTY = "empty"  # a completion without text


class ProviderFailure(Exception):
    """Attempt that returned no usable completion.

    The provider's message is left out, because it may contain a key or a prompt.

    Attributes:
        kind: The classified reason.
        sent: False only if certainly no byte of the request was sent. Such an attempt costs nothing.
        status: HTTP status, if there was a response.
        retry_after_s: Seconds to wait, if the provider named a time.
        usage: Usage that the provider reported despite the failure, for example of a blocked completion. None is
            unknown.
    """

    def __init__(
        self,
        kind: FailureKind,
        *,
        sent: bool = True,
        status: int | None = None,
        retry_after_s: float | None = None,
        usage: TokenUsage | None = None,
    ) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.sent = sent
        self.status = status
        self.retry_after_s = retry_after_s
        self.usage = usage


class Provider(Protocol):
    """Adapter of one provider. It keeps one HTTP client per process and may be called from many threads."""

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        """Request a completion with exactly one HTTP call.

        Args:
            prompt: The prompt.
            model: Model id of the provider.
            api_key: Provider key of the tenant.
            timeout_s: Seconds for the whole call.

        Raises:
            ProviderFailure: The call failed or returned no usable completion.
        """
        ...

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        """Return the models that generate text and that this key may use, with one HTTP call.

        Args:
            api_key: Provider key of the tenant.
            timeout_s: Seconds for the whole call.

        Raises:
            ProviderFailure: The call failed.
        """
        ...


def offered(models: Iterable[tuple[str, int | None]]) -> list[OfferedModel]:
    """Return the models of a provider's list without those whose names are not valid model ids."""
    return [
        OfferedModel(id=name, context_tokens=context or None)
        for name, context in models
        if len(name) <= MODEL_ID_MAX and re.fullmatch(MODEL_ID_PATTERN, name)
    ]
