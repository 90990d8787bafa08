"""Summaries: the question to the model, in parts where a text is too long for one, and the contract of the answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nexus_ai.gateway.composition import gateway
from nexus_ai.model_calls import MapReducePlan, ModelCall, Step
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.errors import ContentTooLarge
from nexus_ai.providers.base import OutputSchema
from nexus_ai.providers.registry import REGISTRY
from nexus_ai.tasks.shared.defaults import GENERATE_SUMMARY
from nexus_ai.tasks.shared.language import detect
from nexus_ai.tasks.shared.output_json import read_object, validate_as
from nexus_ai.tasks.shared.prompting import build_model_call, build_prompt, load_instructions
from nexus_ai.tasks.shared.request import LanguageTag
from nexus_ai.tasks.shared.response import view
from nexus_ai.tasks.summary.chunking import json_size, split_text
from nexus_ai.tasks.summary.contract import build_list_summary, build_text_summary
from nexus_ai.tasks.summary.models import Style, Summary, SummaryAnswer, SummaryRequest
from nexus_ai.tasks.summary.styles import STYLES

FOLDER = Path(__file__).parent
# Room for the structure around a summary, and for languages whose letters are tokens.
STRUCTURE_TOKENS = 128
# Parts are read one after another, and all of it has 29 seconds.
MAX_PARTS = 8
NOTE_WORDS, NOTE_TOKENS = 250, 700
MIN_ROOM = 500
# What the vendors add to a prompt by themselves.
PROVIDER_OVERHEAD_TOKENS = max(entry.overhead_tokens for entry in REGISTRY.values())
# The language of a long text is told by its beginning.
DETECTION_CHARACTERS = 20_000


class _LanguageOutput(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    language: LanguageTag


class _TextOutput(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    summary: Annotated[str, StringConstraints(min_length=1)]


class _PointsOutput(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    points: tuple[str, ...] = Field(min_length=1)


def generate_summary(caller: Caller, request: SummaryRequest) -> SummaryAnswer:
    """A summary of at most as many characters as asked for; raises NexusError."""
    return view(gateway().run(caller, model_call(request)))


def model_call(request: SummaryRequest) -> ModelCall[Summary]:
    """The question that a request comes to."""
    prompt_data = _prompt_data(request)
    step = _summary_step(request, prompt_data, request.text)
    return build_model_call(
        GENERATE_SUMMARY,
        request,
        step,
        parameters={"text": request.text, **prompt_data},
        parse=_output_parser(request),
        divide=_divider(request, prompt_data, step),
    )


def max_characters(request: SummaryRequest) -> int:
    """The limit that holds: the request's, else the style's."""
    return request.max_characters or STYLES[request.style].max_characters


def _prompt_data(request: SummaryRequest) -> dict[str, Any]:
    """What is asked beside the text."""
    prompt_data = {
        "style": STYLES[request.style].advice,
        "language": request.language,
        "focus": request.focus,
        "maxCharacters": max_characters(request),
    }
    return {name: value for name, value in prompt_data.items() if value is not None}


def _summary_step(request: SummaryRequest, prompt_data: dict[str, Any], text: str) -> Step:
    member: dict[str, Any] = {"type": "string"}
    name = "summary"
    if request.style is Style.BULLETS:
        name, member = "points", {"type": "array", "items": member}
    schema = {
        "type": "object",
        "properties": {"language": {"type": "string"}, name: member},
        "required": ["language", name],
        "additionalProperties": False,
    }
    return build_prompt(
        GENERATE_SUMMARY,
        request,
        system=f'{load_instructions(FOLDER)}\nAnswer with JSON alone: one object with "language", the BCP 47 tag of '
        f'the summary\'s language, and "{name}".',
        data={"text": text, **prompt_data},
        max_tokens=request.max_tokens or max_characters(request) * 2 // 3 + STRUCTURE_TOKENS,
        output=OutputSchema(name="summary", schema=schema),
    )


def _output_parser(request: SummaryRequest) -> Callable[[str], Summary]:
    maximum = max_characters(request)
    expected = request.language or detect(request.text[:DETECTION_CHARACTERS])

    def parse(text: str) -> Summary:
        output = read_object(text)
        # What the model says of the language matters only where nobody said it before.
        language = request.language or validate_as(output, _LanguageOutput).language
        if request.style is Style.BULLETS:
            return build_list_summary(validate_as(output, _PointsOutput).points, maximum, language, expected)
        return build_text_summary(validate_as(output, _TextOutput).summary, request.style, maximum, language, expected)

    return parse


def _divider(request: SummaryRequest, prompt_data: dict[str, Any], step: Step) -> Callable[[int], MapReducePlan | None]:
    def divide(context: int) -> MapReducePlan | None:
        """Raises ContentTooLarge with the size that fits."""
        if _total_tokens(step) <= context:
            return None
        notes = _notes_step(request, "")
        # The joined step has to hold the notes of all parts, and a part its text; a token of notes is some bytes.
        room = context - _total_tokens(notes)
        notes_room = context - _total_tokens(_summary_step(request, prompt_data, ""))
        if min(room, notes_room) < MIN_ROOM:
            raise ContentTooLarge(
                f"The model takes {context} tokens, which leaves no room for a text: choose another model.",
                extra={"characters": len(request.text), "fits": 0},
            )
        parts = split_text(request.text, room)
        if len(parts) > MAX_PARTS:
            fits = sum(map(len, parts[:MAX_PARTS]))
            raise ContentTooLarge(
                f"The text has {len(request.text)} characters, and in {MAX_PARTS} parts of {context} tokens the model "
                f"takes about {fits} of them: send a shorter text, or choose a model that takes more.",
                extra={"characters": len(request.text), "fits": fits},
            )
        return MapReducePlan(
            tuple(_notes_step(request, part) for part in parts),
            lambda notes: _summary_step(request, prompt_data, _join_notes(notes, notes_room)),
        )

    return divide


def _total_tokens(step: Step) -> int:
    return step.input_tokens + step.prompt.max_tokens + PROVIDER_OVERHEAD_TOKENS


def _notes_step(request: SummaryRequest, part: str) -> Step:
    data: dict[str, Any] = {"text": part, "maxWords": NOTE_WORDS}
    return build_prompt(
        GENERATE_SUMMARY,
        request,
        system=load_instructions(FOLDER, "notes.md"),
        data={**data, "focus": request.focus} if request.focus else data,
        max_tokens=NOTE_TOKENS,
    )


def _join_notes(notes: tuple[str, ...], room: int) -> str:
    """The notes of all parts, each cut to its share where they would not fit together."""
    headed = [f"(notes of part {number} of {len(notes)})\n{note.strip()}" for number, note in enumerate(notes, 1)]
    text = "\n\n".join(headed)
    if json_size(text) <= room:
        return text
    share = (room - json_size("\n\n") * len(notes)) // len(notes)
    return "\n\n".join(split_text(note, share)[0] for note in headed)
