"""Define model calls, which tasks build and the gateway runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nexus_ai.providers.base import Prompt, ProviderName


class InvalidOutputError(Exception):
    """Output that breaks the output contract of its task.

    Attributes:
        problems: The violations, as sentences that the repair shows to the model.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Step:
    """Prompt, and an upper bound of its input tokens without the provider's own framing."""

    prompt: Prompt
    input_tokens: int


@dataclass(frozen=True, slots=True)
class MapReducePlan:
    """Plan for a prompt that exceeds the context window.

    The parts run one after another, then `join` makes the last step from their completions. All of them are attempts of
    one request.
    """

    parts: tuple[Step, ...]
    join: Callable[[tuple[str, ...]], Step]


@dataclass(frozen=True, slots=True)
class ModelCall[T]:
    """Call of a model for a task.

    Attributes:
        task: The task's name.
        prompt_version: The version of the task's prompt, which is part of the cache key.
        module: The module of the CRM that makes the request.
        prompt: What is sent to the model.
        input_tokens: An upper bound of the prompt's tokens, without the provider's own framing.
        parameters: The JSON values, besides provider and model, that change the completion. They are in the cache key.
        parse: Turns a completion into the task's output. Raises InvalidOutputError.
        provider: The provider that the request names, if any.
        model: The model that the request names, if any.
        bounded_by_caller: True if the caller chose `max_tokens`, so it may be too low for the output.
        salvage: Extracts the usable part of a completion that is invalid even after its repair. Raises
            InvalidOutputError if there is none.
        divide: Returns the plan for a context window of so many tokens; None if the prompt fits.
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
        """Parse the final output (no repair left), falling back to `salvage`.

        Raises:
            InvalidOutputError: Neither accepts the text.
        """
        try:
            return self.parse(text)
        except InvalidOutputError:
            if self.salvage is None:
                raise
            return self.salvage(text)
