"""Marketing copy: the question to the model, and the contract that its answer has to keep."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nexus_ai.assistant.answer import view
from nexus_ai.assistant.copywriting.models import Copy, CopyAnswer, CopyRequest
from nexus_ai.assistant.copywriting.platforms import PLATFORMS, PlatformRules
from nexus_ai.core.caller import Caller
from nexus_ai.gateway.composition import gateway
from nexus_ai.gateway.models import ContractBroken, ModelCall
from nexus_ai.providers.base import Message, OutputSchema, Prompt

TASK = "generate-copy"
PROMPT_VERSION = "1"
# Instructions and schema are ours and English: measured with the vocabularies o200k, cl100k and Llama 3 they take
# 3.6 bytes a token or more (docs/decisions.md), so that three are safe. Of a user's text one byte may be a token.
BYTES_PER_INSTRUCTION_TOKEN = 3

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "variations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "hashtags": {"type": "array", "items": {"type": "string"}}},
                "required": ["text", "hashtags"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["variations"],
    "additionalProperties": False,
}


def generate_copy(caller: Caller, request: CopyRequest) -> CopyAnswer:
    """Copy that keeps the platform's limits; raises NexusError."""
    return view(gateway().run(caller, _call(request)))


def _call(request: CopyRequest) -> ModelCall[Copy]:
    rules = PLATFORMS[request.context.platform]
    asked = _asked(request, rules)
    text = json.dumps(asked, ensure_ascii=False, separators=(",", ":"))
    system = _instructions()
    fixed = len(system.encode()) + len(json.dumps(SCHEMA).encode())
    return ModelCall(
        task=TASK,
        prompt_version=PROMPT_VERSION,
        module=request.module,
        prompt=Prompt(
            system=system,
            messages=(Message(role="user", text=text),),
            max_tokens=request.max_tokens or rules.max_tokens * request.variations,
            temperature=request.temperature,
            output=OutputSchema(name="marketing_copy", schema=SCHEMA),
        ),
        input_tokens=fixed // BYTES_PER_INSTRUCTION_TOKEN + 1 + len(text.encode()),
        parameters=asked,
        parse=lambda answer: _parse(answer, request.variations, rules),
        provider=request.provider,
        model=request.model,
    )


def _asked(request: CopyRequest, rules: PlatformRules) -> dict[str, Any]:
    """What the model is told, as data; also what makes the answer's cache key."""
    setting = request.context.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "request": request.prompt,
        **setting,
        "platform": rules.name,
        "advice": rules.advice,
        "hashtags": rules.hashtags,
        "maxCharacters": rules.max_characters,
        "variations": request.variations,
    }


def _parse(text: str, variations: int, rules: PlatformRules) -> Copy:
    try:
        copy = Copy.model_validate_json(text)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, found['loc'])) or 'answer'}: {found['msg']}" for found in error.errors()[:5]]
        raise ContractBroken(*wrong) from None
    problems: list[str] = []
    if len(copy.variations) != variations:
        problems.append(f"there have to be exactly {variations} variations, not {len(copy.variations)}")
    for number, variation in enumerate(copy.variations, start=1):
        size = len(" ".join((variation.text, *variation.hashtags)))
        if not variation.text.strip():
            problems.append(f"variation {number} has no text")
        if size > rules.max_characters:
            problems.append(f"variation {number} has {size} characters, and {rules.max_characters} are allowed")
        if variation.hashtags and not rules.hashtags:
            problems.append(f"variation {number} has hashtags, and a {rules.name} has none")
    if problems:
        raise ContractBroken(*problems)
    return copy


@cache
def _instructions() -> str:
    return (Path(__file__).parent / "prompt.md").read_text("utf-8").strip()
