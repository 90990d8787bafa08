"""What the server can do with a call. In JSON the names are camelCase: `{"type": "answer", "delayS": 1}`."""

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

    As in the adapters' interface, input includes cached and cache-write tokens and output includes reasoning; each
    vendor's file splits them as that vendor does. Where a total is None, its parts are added to what was counted.
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
    """A success. `text` and `data` (sent as JSON) replace the simulated words, `finish` the counted finish reason.

    `misbehaviour` is what a model does to the words, whichever they are.
    """

    text: str | None = None
    data: Any = None
    misbehaviour: Misbehaviour | None = None
    usage: Usage | None = None
    tells_usage: bool = True
    finish: Literal["stop", "length", "blocked"] | None = None
    delay_s: Seconds = 0
    type: Literal["answer"] = "answer"

    def __post_init__(self) -> None:
        if self.text is not None and self.data is not None:
            raise ValueError("An answer has a text or data, not both.")


@dataclass(frozen=True, config=_CONFIG)
class Fail:
    """A failure in the vendor's own shape. `retry_after_s` goes where the vendor has it: a header, or Google's body."""

    kind: FailureKind
    retry_after_s: Seconds | None = None
    type: Literal["fail"] = "fail"

    def __post_init__(self) -> None:
        if self.kind is FailureKind.UNREACHABLE:
            raise ValueError("A server that is there cannot be unreachable: point the base URL to a closed port.")


@dataclass(frozen=True, config=_CONFIG)
class Reset:
    """A TCP reset in place of an answer, after the request was read or before its body is."""

    before_reading: bool = False
    type: Literal["reset"] = "reset"


@dataclass(frozen=True, config=_CONFIG)
class Drip:
    """An answer whose body comes byte by byte, so that no single read ever times out."""

    answer: Answer = Field(default_factory=Answer)
    pause_s: Seconds = 0.05
    type: Literal["drip"] = "drip"


@dataclass(frozen=True, config=_CONFIG)
class Raw:
    """Exactly these bytes, for payloads that were recorded or that no other behaviour has."""

    body: bytes
    status: Annotated[int, Field(ge=200, le=599)] = 200
    headers: dict[str, str] = Field(default_factory=lambda: {"content-type": "application/json"})
    type: Literal["raw"] = "raw"


type Behaviour = Annotated[Answer | Fail | Reset | Drip | Raw, Field(discriminator="type")]
