"""Marketing copy: the question to the model, and the contract that its answer has to keep."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nexus_ai.assistant.answer import view
from nexus_ai.assistant.copywriting.models import Copy, CopyAnswer, CopyRequest, CopyVariation
from nexus_ai.assistant.copywriting.platforms import PLATFORMS, PlatformRules
from nexus_ai.core.caller import Caller
from nexus_ai.gateway.composition import gateway
from nexus_ai.gateway.models import ContractBroken, ModelCall
from nexus_ai.providers.base import Message, OutputSchema, Prompt

TASK = "generate-copy"
PROMPT_VERSION = "1"
# Instructions and schema are ours and English: with the vocabularies o200k, cl100k and Llama 3 they take 3.6 bytes a
# token or more (docs/decisions.md), so that three are safe. Of a user's text every byte may be a token.
BYTES_PER_INSTRUCTION_TOKEN = 3

ONLY_TEXT = "Answer with the text alone: no title, no quotation marks, no remark of yours."
AS_JSON = 'Answer with JSON alone: one object with the members "variation1" and so on, as many as variations says.'


class _Written(BaseModel):
    """A variation as the model writes it."""

    model_config = ConfigDict(frozen=True, strict=True)

    text: str = Field(min_length=1)
    hashtags: tuple[str, ...] = ()


def generate_copy(caller: Caller, request: CopyRequest) -> CopyAnswer:
    """Copy that keeps the platform's limits; raises NexusError."""
    return view(gateway().run(caller, model_call(request)))


def model_call(request: CopyRequest) -> ModelCall[Copy]:
    """The question that a request comes to."""
    rules = PLATFORMS[request.context.platform]
    asked = _asked(request, rules)
    text = json.dumps(asked, ensure_ascii=False, separators=(",", ":"))
    # One text for anywhere needs no structure, and a model writes better without one.
    schema = None if _is_plain(request) else _schema(request.variations, hashtags=rules.hashtags)
    system = f"{_instructions()}\n{AS_JSON if schema else ONLY_TEXT}"
    fixed = len(system.encode()) + (len(json.dumps(schema).encode()) if schema else 0)
    return ModelCall(
        task=TASK,
        prompt_version=PROMPT_VERSION,
        module=request.module,
        prompt=Prompt(
            system=system,
            messages=(Message(role="user", text=text),),
            max_tokens=request.max_tokens or rules.max_tokens * request.variations,
            temperature=request.temperature,
            output=OutputSchema(name="marketing_copy", schema=schema) if schema else None,
        ),
        input_tokens=fixed // BYTES_PER_INSTRUCTION_TOKEN + 1 + len(text.encode()),
        parameters=asked,
        parse=_contract(request, rules),
        provider=request.provider,
        model=request.model,
    )


def _is_plain(request: CopyRequest) -> bool:
    return request.context.platform is None and request.variations == 1


def _asked(request: CopyRequest, rules: PlatformRules) -> dict[str, Any]:
    """What the model is told, as data; also what makes the answer's cache key."""
    setting = request.context.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "request": request.prompt,
        **setting,
        "platform": rules.name,
        "advice": rules.advice,
        "maxCharacters": rules.max_characters,
        "variations": request.variations,
    }


def _schema(variations: int, *, hashtags: bool) -> dict[str, Any]:
    """One named member a variation: so the schema itself demands their number, at every vendor."""
    members: dict[str, Any] = {"text": {"type": "string"}}
    if hashtags:
        members["hashtags"] = {"type": "array", "items": {"type": "string"}}
    variation = {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }
    names = [_name(number) for number in range(variations)]
    return {
        "type": "object",
        "properties": {name: {"$ref": "#/$defs/variation"} for name in names},
        "required": names,
        "additionalProperties": False,
        "$defs": {"variation": variation},
    }


def _name(number: int) -> str:
    return f"variation{number + 1}"


def _contract(request: CopyRequest, rules: PlatformRules) -> Callable[[str], Copy]:
    def parse(text: str) -> Copy:
        written = [_Written(text=text.strip())] if _is_plain(request) else _read(text, request.variations)
        problems = [
            f"{_name(number)} {problem}"
            for number, variation in enumerate(written)
            for problem in _problems(variation, rules)
        ]
        if problems:
            raise ContractBroken(*problems)
        return Copy(
            variations=tuple(CopyVariation(text=variation.text, hashtags=variation.hashtags) for variation in written)
        )

    return parse


def _read(text: str, variations: int) -> list[_Written]:
    try:
        answer: object = json.loads(text)
    except (ValueError, RecursionError):
        raise ContractBroken("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise ContractBroken("the answer is not a JSON object")
    try:
        return [
            _Written.model_validate_json(json.dumps(answer.get(_name(number))))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            for number in range(variations)
        ]
    except ValidationError as error:
        raise ContractBroken(*(_told(found["loc"], found["msg"]) for found in error.errors()[:5])) from None


def _told(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, location)) or 'a variation'}: {message}"


def _problems(variation: _Written, rules: PlatformRules) -> list[str]:
    size = len(" ".join((variation.text, *variation.hashtags)))
    problems: list[str] = []
    if not variation.text.strip():
        problems.append("has no text")
    if size > rules.max_characters:
        problems.append(f"has {size} characters, and {rules.max_characters} are allowed")
    if variation.hashtags and not rules.hashtags:
        problems.append(f"has hashtags, and a {rules.name} has none")
    if any(not tag.startswith("#") or len(tag.split()) != 1 for tag in variation.hashtags):
        problems.append("has a hashtag that is not one word behind a #")
    return problems


@cache
def _instructions() -> str:
    return (Path(__file__).parent / "prompt.md").read_text("utf-8").strip()
