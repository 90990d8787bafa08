"""Build a model call from a task's instructions and a user's data.

Instructions go into the system prompt. A user's texts go into the user message as JSON: a text cannot end the data and
start an instruction.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nexus_ai.model_calls import MapReducePlan, ModelCall, Step
from nexus_ai.providers.base import Message, OutputSchema, Prompt
from nexus_ai.tasks.shared.defaults import TaskDefaults
from nexus_ai.tasks.shared.request import TaskRequest

# Instructions and schemas are in English. With the vocabularies o200k, cl100k and Llama 3 a token covers 3.6 bytes or
# more of them (docs/decisions), so three is safe. In a user's text every byte may be a token.
BYTES_PER_INSTRUCTION_TOKEN = 3


@cache
def load_instructions(folder: Path, name: str = "prompt.md") -> str:
    """Return the instructions in a task's folder, read once per process."""
    return (folder / name).read_text("utf-8").strip()


def build_prompt(
    defaults: TaskDefaults,
    request: TaskRequest,
    *,
    system: str,
    data: Mapping[str, Any],
    max_tokens: int,
    output: OutputSchema | None = None,
) -> Step:
    """Return a prompt with an upper bound of its input tokens.

    Args:
        defaults: The task's defaults.
        request: The request, which may override the temperature.
        system: The system prompt.
        data: The user's data, sent as JSON in the user message.
        max_tokens: The output limit.
        output: The JSON Schema of the completion, if the task asks for JSON.
    """
    data_json = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    instruction_bytes = len(system.encode()) + (len(json.dumps(output.schema_).encode()) if output else 0)
    prompt = Prompt(
        system=system,
        messages=(Message(role="user", text=data_json),),
        max_tokens=max_tokens,
        temperature=defaults.temperature if request.temperature is None else request.temperature,
        output=output,
    )
    return Step(prompt, instruction_bytes // BYTES_PER_INSTRUCTION_TOKEN + 1 + len(data_json.encode()))


def build_model_call[T](
    defaults: TaskDefaults,
    request: TaskRequest,
    step: Step,
    *,
    parameters: Mapping[str, Any],
    parse: Callable[[str], T],
    salvage: Callable[[str], T] | None = None,
    divide: Callable[[int], MapReducePlan | None] | None = None,
) -> ModelCall[T]:
    """Return the model call of a request.

    Args:
        defaults: The task's defaults.
        request: The request, which may override provider, model, module and output limit.
        step: The prompt for the complete input.
        parameters: JSON values that change the completion. They are part of the cache key.
        parse: Turns a completion into the result, or raises InvalidOutputError.
        salvage: Like `parse`, but accepts a partly valid completion. It is used if the repair failed as well.
        divide: Returns a map-reduce plan for a context window in tokens, or None if the prompt fits.
    """
    return ModelCall(
        task=defaults.task,
        prompt_version=defaults.prompt_version,
        module=request.module or defaults.module,
        prompt=step.prompt,
        input_tokens=step.input_tokens,
        parameters=parameters,
        parse=parse,
        provider=request.provider,
        model=request.model,
        bounded_by_caller=request.max_tokens is not None,
        salvage=salvage,
        divide=divide,
    )
