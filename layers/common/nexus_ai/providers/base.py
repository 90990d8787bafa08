"""The interface of a provider, and the words in which every provider's answers and failures are told."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class ProviderName(StrEnum):
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    GROQ = "groq"
    OPENROUTER = "openrouter"


# A model as its vendor names it: no two separators in a row, so that it is never a path upwards.
MODEL_ID_PATTERN = r"^[A-Za-z0-9]+([._:/@-][A-Za-z0-9]+)*$"
MODEL_ID_MAX = 120
ModelId = Annotated[str, StringConstraints(pattern=MODEL_ID_PATTERN, max_length=MODEL_ID_MAX)]


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["user", "assistant"]
    text: str


class OutputSchema(BaseModel):
    """The JSON Schema that an answer has to keep; `name` is [a-z_]+, as vendors demand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    schema_: Mapping[str, Any] = Field(alias="schema")


class Prompt(BaseModel):
    """What is asked, in no vendor's words. `max_tokens` bounds the whole output, thoughts included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    messages: tuple[Message, ...]
    max_tokens: int = Field(gt=0)
    temperature: float | None = None
    output: OutputSchema | None = None


class TokenUsage(BaseModel):
    """Tokens as the vendor counted them, normalised.

    Input includes cached and cache-write tokens, output includes reasoning (thoughts); the parts are None where the
    vendor does not tell them. `cost_micros` is the vendor's own price of the call in micro-dollars, where it gives one.
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
        return self.input_tokens + self.output_tokens


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"


class Completion(BaseModel):
    """An answer with text in it. `model` is the one that answered; `usage` is None where the vendor told none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    finish_reason: FinishReason
    model: str
    usage: TokenUsage | None


class OfferedModel(BaseModel):
    """A model that a key may use. `context_tokens` is None where the vendor's list does not tell it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: ModelId
    context_tokens: int | None = Field(default=None, gt=0)


class FailureKind(StrEnum):
    """Every way in which an attempt fails. What the pipeline does about each is one table: gateway/retry_policy.py."""

    BAD_REQUEST = "bad_request"  # 400
    INVALID_KEY = "invalid_key"  # 401
    NO_CREDIT = "no_credit"  # 402, and 429 where the vendor's code says that the quota is not paid for
    NO_PERMISSION = "no_permission"  # 403
    MODEL_NOT_FOUND = "model_not_found"  # 404
    REQUEST_TIMEOUT = "request_timeout"  # 408
    CONTEXT_TOO_LONG = "context_too_long"  # 413, and 400 where the vendor's code says so
    UNPROCESSABLE = "unprocessable"  # 422
    RATE_LIMITED = "rate_limited"  # 429
    SERVER_ERROR = "server_error"  # 500 and every other 5xx
    UNAVAILABLE = "unavailable"  # 503
    OVERLOADED = "overloaded"  # 529
    TIMEOUT = "timeout"  # no whole answer within the attempt's time
    RESET = "reset"  # the connection broke
    UNREACHABLE = "unreachable"  # no connection, so that nothing was sent
    MALFORMED = "malformed"  # a body that is not what the vendor documents
    ERROR_IN_BODY = "error_in_body"  # 200 with an error in it
    REDIRECT = "redirect"  # never followed: the key would travel with it
    BLOCKED = "blocked"  # the vendor's safety system refused to answer
    EMPTY = "empty"  # an answer without text


class ProviderFailure(Exception):
    """An attempt without an answer.

    `sent` is False only where certainly no byte of the request left this machine: such an attempt costs nothing.
    `usage` is what the vendor says the attempt used all the same (a blocked answer, say); None where it told none.
    The vendor's own words stay out: they may hold a key or a prompt. `status` is the HTTP status, where there was one.
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
    """One vendor. An adapter keeps one HTTP client a process and is safe to call from many threads."""

    def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
        """Makes exactly one HTTP call and returns within `timeout_s` seconds in total; raises ProviderFailure."""
        ...

    def list_models(self, *, api_key: str, timeout_s: float) -> list[OfferedModel]:
        """The models that write text and that this key may use: one HTTP call, as above; raises ProviderFailure."""
        ...


def offered(models: Iterable[tuple[str, int | None]]) -> list[OfferedModel]:
    """The models of a vendor's list, by name and context, without those whose names no request could send."""
    return [
        OfferedModel(id=name, context_tokens=context or None)
        for name, context in models
        if len(name) <= MODEL_ID_MAX and re.fullmatch(MODEL_ID_PATTERN, name)
    ]
