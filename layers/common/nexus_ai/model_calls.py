"""Model calls: what a task builds, the gateway runs, and domains record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nexus_ai.providers.base import Prompt, ProviderName


class InvalidOutputError(Exception):
    """An answer is not of the promised form. `problems` are sentences fit to be shown to the model for its repair."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Step:
    """A prompt, and a bound of the tokens that it can take, the vendor's own framing aside."""

    prompt: Prompt
    input_tokens: int


@dataclass(frozen=True, slots=True)
class MapReducePlan:
    """A question too long for one context: its parts are asked one after another, then the step made of their answers.

    All of them are attempts of the one request.
    """

    parts: tuple[Step, ...]
    join: Callable[[tuple[str, ...]], Step]


@dataclass(frozen=True, slots=True)
class ModelCall[T]:
    """One question to a model.

    `input_tokens` bounds what the prompt can take, the vendor's own framing aside. `parse` turns the answer's text
    into the task's result and raises ContractBroken where it cannot. `parameters` are the JSON values that change the
    answer beside provider and model: they make the cache key. `bounded_by_caller` says that max_tokens is the caller's
    own wish and no bound that was found to be enough. `salvage` gives what can be used of an answer that stayed broken
    after its repair, and raises ContractBroken where that is nothing. `divide` gets a model's context in tokens and
    returns None where the question fits into it.
    """

    task: str
    prompt_version: str
    module: str
    prompt: Prompt
    input_tokens: int
    parameters: Mapping[str, Any]
    parse: Callable[[str], T]
    provider: ProviderName | None = None
    model: str | None = None
    bounded_by_caller: bool = False
    salvage: Callable[[str], T] | None = None
    divide: Callable[[int], MapReducePlan | None] | None = None

    def parse_or_salvage(self, text: str) -> T:
        """What an answer is worth that is not written anew any more; raises ContractBroken."""
        try:
            return self.parse(text)
        except InvalidOutputError:
            if self.salvage is None:
                raise
            return self.salvage(text)
