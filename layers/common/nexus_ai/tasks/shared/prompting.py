"""Makes the question to a model out of a task's instructions and a user's data.

Instructions are ours and stand in the system prompt. What a user wrote is data: it goes into the user's message as
JSON, where no text of it can end the data and begin an instruction.
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

# Instructions and schemas are ours and English: with the vocabularies o200k, cl100k and Llama 3 they take 3.6 bytes a
# token or more (docs/decisions.md), so that three are safe. Of a user's text every byte may be a token.
BYTES_PER_INSTRUCTION_TOKEN = 3


@cache
def load_instructions(folder: Path, name: str = "prompt.md") -> str:
    """The text of a file beside a task, read once a process."""
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
    """One prompt, with the most tokens that its input can take."""
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
    """The call that a request comes to. `parameters` are the JSON values that change the answer."""
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
