"""Write marketing copy: build the model call and check the completion."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nexus_ai.gateway.composition import gateway
from nexus_ai.model_calls import InvalidOutputError, ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.field_errors import field_error
from nexus_ai.providers.base import OutputSchema
from nexus_ai.tasks.copywriting.contract import required_word_problems, validate_variation
from nexus_ai.tasks.copywriting.models import Copy, CopyRequest, CopyResponse, CopyVariation
from nexus_ai.tasks.copywriting.output_schema import schema_properties
from nexus_ai.tasks.copywriting.platforms import PLATFORMS, PlatformRules
from nexus_ai.tasks.shared.defaults import GENERATE_COPY
from nexus_ai.tasks.shared.output_json import read_object
from nexus_ai.tasks.shared.prompting import build_model_call, build_prompt, load_instructions

FOLDER = Path(__file__).parent
# A repair message lists all problems, and each costs tokens.
MAX_PROBLEMS = 20
AS_JSON = 'Answer with JSON alone: one object with the members "variation1" and so on, as many as variations says.'
AS_JSON_ALONE = 'Answer with JSON alone: one object with the member "variation1".'
WITH_WORDS = "Every variation has all of wordsToUse exactly as they are written, and none of wordsToAvoid."


def generate_copy(caller: Caller, request: CopyRequest) -> CopyResponse:
    """Return copy that keeps the platform's limits.

    Raises:
        NexusError: The request was refused, or no provider returned a valid completion.
    """
    return CopyResponse.of(gateway().run(caller, model_call(request)))


def model_call(request: CopyRequest) -> ModelCall[Copy]:
    """Return the model call of a request.

    Raises:
        ValidationFailed: The words to use do not fit into the limits of the platform.
    """
    _require_room_for_words(request)
    rules = PLATFORMS[request.context.platform]
    prompt_data = _prompt_data(request)
    step = build_prompt(
        GENERATE_COPY,
        request,
        system=_system(request, rules),
        data=prompt_data,
        max_tokens=request.max_tokens or rules.max_tokens * request.variations,
        output=OutputSchema(name="marketing_copy", schema=_schema(request.variations, rules)),
    )
    return build_model_call(GENERATE_COPY, request, step, parameters=prompt_data, parse=_output_parser(request))


def _require_room_for_words(request: CopyRequest) -> None:
    problems = required_word_problems(request.context)
    if problems:
        message = f"The words do not fit into one text for this platform: {'; '.join(problems)}. Remove or shorten some"
        raise field_error("context.wordsToUse", message, "words_without_room")


def _prompt_data(request: CopyRequest) -> dict[str, Any]:
    """Return the data for the user message. It is part of the cache key."""
    context = request.context.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"request": request.prompt, **context, "variations": request.variations}


def _system(request: CopyRequest, rules: PlatformRules) -> str:
    limits = ", ".join(f"{part} of at most {limit.maximum} characters" for part, limit in rules.limits.items())
    lines = [
        load_instructions(FOLDER),
        f"What to write: {rules.name}; {rules.advice}{f' ({limits})' if limits else ''}.",
    ]
    if not rules.is_markdown:
        lines.append("No Markdown.")
    if request.context.words_to_use or request.context.words_to_avoid:
        lines.append(WITH_WORDS)
    lines.append(AS_JSON if request.variations > 1 else AS_JSON_ALONE)
    return "\n".join(lines)


def _schema(variations: int, rules: PlatformRules) -> dict[str, Any]:
    """Return the JSON Schema of the completion.

    Each variation is a named member, because not every provider enforces the length of an array.
    """
    properties = schema_properties(rules)
    variation = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    names = [_member_name(number) for number in range(variations)]
    return {
        "type": "object",
        "properties": {name: {"$ref": "#/$defs/variation"} for name in names},
        "required": names,
        "additionalProperties": False,
        "$defs": {"variation": variation},
    }


def _member_name(number: int) -> str:
    return f"variation{number + 1}"


def _output_parser(request: CopyRequest) -> Callable[[str], Copy]:
    context = request.context

    def parse(text: str) -> Copy:
        output = read_object(text)
        variations: list[CopyVariation] = []
        problems: list[str] = []
        for name in map(_member_name, range(request.variations)):
            try:
                variations.append(validate_variation(output.get(name), context))
            except InvalidOutputError as error:
                problems += [f"{name}: {problem}" for problem in error.problems]
        if problems:
            raise InvalidOutputError(*problems[:MAX_PROBLEMS])
        return Copy(variations=tuple(variations))

    return parse
