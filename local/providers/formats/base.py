"""Define the interface of a wire format, and the prompts and completions that all formats share."""

import json
import math
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from local.providers.schema_faker import Schema
from nexus_ai.providers.base import FailureKind, ProviderName

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


def json_reply(body: Json, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, encoded, {"content-type": "application/json", **(headers or {})})


@dataclass(frozen=True, slots=True)
class Prompt:
    """Prompt of a completion request. `texts` are the instructions and messages; the user's message is last."""

    model: str
    texts: tuple[str, ...]
    max_tokens: int | None
    schema: Schema | None = None
    any_json: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """Token counts. Input includes cached and cache-write tokens; output includes reasoning tokens."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Completion:
    """Completion in no provider's format. `text` is None if the safety system blocked all of it."""

    text: str | None
    finish: Literal["stop", "length", "blocked"]
    tokens: Counted | None


class Refused(Exception):
    """Request that the provider rejects with an error."""

    def __init__(self, kind: FailureKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Target:
    """Target of a request: a completion (Google names the model in the path), the models, one model, or the key."""

    operation: Literal["complete", "models", "model", "key", "unknown"]
    model: str = ""


NOWHERE: Final = Target("unknown")


@dataclass(frozen=True, slots=True)
class Request:
    target: Target
    path: str
    headers: Mapping[str, str]
    body: bytes


class Provider(ABC):
    """Wire format of one provider."""

    name: ClassVar[ProviderName]
    # Path of the base URL that the provider's SDK receives.
    base_path: ClassVar[str]
    # Targets that need no key.
    public: ClassVar[frozenset[Target]] = frozenset()

    @abstractmethod
    def target(self, method: str, path: str) -> Target:
        """Return the target of a request. `path` begins after the base path."""

    @abstractmethod
    def read(self, request: Request) -> Prompt:
        """Return the prompt of a request.

        Raises:
            pydantic.ValidationError: The body has another structure.
            SchemaError: The provider would not accept the schema of the output.
            Refused: The provider would not accept a parameter.
        """

    @abstractmethod
    def completion_body(self, prompt: Prompt, completion: Completion) -> Json: ...

    @abstractmethod
    def error(self, kind: FailureKind, retry_after_s: float | None) -> Reply:
        """Return the documented error response for a failure that has an HTTP status."""

    @abstractmethod
    def models(self) -> Json: ...

    @abstractmethod
    def model(self, model: str) -> Json: ...

    def api_key(self, headers: Mapping[str, str]) -> str:
        """Return the key of the request; empty if there is none."""
        return headers.get("authorization", "").removeprefix("Bearer").strip()

    def key_status(self) -> Json:
        raise Refused(FailureKind.MODEL_NOT_FOUND)


def model_target(method: str, path: str) -> Target:
    """Return the target of /models and /models/{id}, which all five providers have. An id may contain slashes."""
    if method == "GET" and path == "/models":
        return Target("models")
    if method == "GET" and path.startswith("/models/"):
        return Target("model", path.removeprefix("/models/"))
    return NOWHERE


def new_id() -> str:
    return f"simulated{uuid.uuid4().hex[:24]}"


def retry_after_header(retry_after_s: float | None) -> dict[str, str]:
    """Return a Retry-After header in whole seconds (RFC 9110), rounded up; empty for None."""
    return {} if retry_after_s is None else {"retry-after": str(math.ceil(retry_after_s))}
