"""Behaviours of the simulated server for a call. JSON uses camelCase names: `{"type": "answer", "delayS": 1}`."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

from local.providers.faults import Misbehaviour
from nexus_ai.providers.base import FailureKind

_CONFIG: Final = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

type Seconds = Annotated[float, Field(ge=0, le=3600)]
type Tokens = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_CONFIG)
class Usage:
    """Tokens to report in place of the counted ones.

    As in the adapters' interface, input includes cached and cache-write tokens, and output includes reasoning tokens.
    Each provider's module splits them as that provider does. If a total is None, its parts are added to the count.
    """

    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_tokens: Tokens = 0
    cache_write_tokens: Tokens = 0
    reasoning_tokens: Tokens = 0

    def __post_init__(self) -> None:
        if self.input_tokens is not None and self.input_tokens < self.cached_tokens + self.cache_write_tokens:
            raise ValueError("The input includes the cached and the cache-write tokens.")
        if self.output_tokens is not None and self.output_tokens < self.reasoning_tokens:
            raise ValueError("The output includes the reasoning tokens.")


@dataclass(frozen=True, config=_CONFIG)
class Answer:
    """Successful response.

    Attributes:
        text: Text of the completion, in place of the simulated one.
        data: Value that is sent as JSON, in place of a text.
        misbehaviour: Fault that is applied to the completion.
        usage: Tokens to report, in place of the counted ones.
        reports_usage: False leaves the usage out of the response.
        finish: Finish reason, in place of the counted one.
        delay_s: Seconds to wait before the response is sent.
    """

    text: str | None = None
    data: Any = None
    misbehaviour: Misbehaviour | None = None
    usage: Usage | None = None
    reports_usage: bool = True
    finish: Literal["stop", "length", "blocked"] | None = None
    delay_s: Seconds = 0
    type: Literal["answer"] = "answer"

    def __post_init__(self) -> None:
        if self.text is not None and self.data is not None:
            raise ValueError("Set text or data, not both.")


@dataclass(frozen=True, config=_CONFIG)
class Fail:
    """Failure in the provider's own format.

    `retry_after_s` is sent as a header, or in the body of the error for Google.
    """

    kind: FailureKind
    retry_after_s: Seconds | None = None
    type: Literal["fail"] = "fail"

    def __post_init__(self) -> None:
        if self.kind is FailureKind.UNREACHABLE:
            raise ValueError("A running server cannot be unreachable: point the base URL to a closed port.")


@dataclass(frozen=True, config=_CONFIG)
class Reset:
    """TCP reset in place of a response, after the request has been read or before its body is read."""

    before_reading: bool = False
    type: Literal["reset"] = "reset"


@dataclass(frozen=True, config=_CONFIG)
class Drip:
    """Response whose body is sent byte by byte, so that no single read times out."""

    answer: Answer = Field(default_factory=Answer)
    pause_s: Seconds = 0.05
    type: Literal["drip"] = "drip"


@dataclass(frozen=True, config=_CONFIG)
class Raw:
    """Response with exactly these bytes, for recorded payloads and for those that no other behaviour produces."""

    body: bytes
    status: Annotated[int, Field(ge=200, le=599)] = 200
    headers: dict[str, str] = Field(default_factory=lambda: {"content-type": "application/json"})
    type: Literal["raw"] = "raw"


type Behaviour = Annotated[Answer | Fail | Reset | Drip | Raw, Field(discriminator="type")]
