"""What a vendor's file has to say, and the vendor-neutral request and answer that it says it with."""

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
class Question:
    """A completion that was asked for. `texts` are instructions and messages, the last one being the user's."""

    model: str
    texts: tuple[str, ...]
    max_tokens: int | None
    schema: Schema | None = None
    any_json: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens: input includes the cached and the cache-write ones, output the reasoning ones."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Said:
    """An answer in no vendor's words. `text` is None where the safety system let nothing through."""

    text: str | None
    finish: Literal["stop", "length", "blocked"]
    tokens: Counted | None


class Refused(Exception):
    """A request that the vendor answers with an error."""

    def __init__(self, kind: FailureKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: a completion (Google names the model in the path), the models, one model, or the key."""

    operation: Literal["complete", "models", "model", "key", "unknown"]
    model: str = ""


NOWHERE: Final = Target("unknown")


@dataclass(frozen=True, slots=True)
class Request:
    target: Target
    path: str
    headers: Mapping[str, str]
    body: bytes


class Vendor(ABC):
    """One vendor's wire format."""

    name: ClassVar[ProviderName]
    # The path of the base URL that the vendor's SDK is given.
    base_path: ClassVar[str]
    # What needs no key.
    public: ClassVar[frozenset[Target]] = frozenset()

    @abstractmethod
    def target(self, method: str, path: str) -> Target:
        """`path` begins after the base path."""

    @abstractmethod
    def read(self, request: Request) -> Question:
        """Raises pydantic's ValidationError, SchemaError or Refused for what the vendor would not take."""

    @abstractmethod
    def completion(self, question: Question, said: Said) -> Json: ...

    @abstractmethod
    def error(self, kind: FailureKind, retry_after_s: float | None) -> Reply:
        """The documented answer to a failure that comes with an HTTP status."""

    @abstractmethod
    def models(self) -> Json: ...

    @abstractmethod
    def model(self, model: str) -> Json: ...

    def api_key(self, headers: Mapping[str, str]) -> str:
        """The key of the request; empty where there is none."""
        return headers.get("authorization", "").removeprefix("Bearer").strip()

    def key_status(self) -> Json:
        raise Refused(FailureKind.MODEL_NOT_FOUND)


def model_target(method: str, path: str) -> Target:
    """The listing that all five vendors have: /models and /models/{id}; an id may hold slashes."""
    if method == "GET" and path == "/models":
        return Target("models")
    if method == "GET" and path.startswith("/models/"):
        return Target("model", path.removeprefix("/models/"))
    return NOWHERE


def new_id() -> str:
    return f"simulated{uuid.uuid4().hex[:24]}"


def retry_after_header(retry_after_s: float | None) -> dict[str, str]:
    """Whole seconds, as RFC 9110 has it, rounded up."""
    return {} if retry_after_s is None else {"retry-after": str(math.ceil(retry_after_s))}
