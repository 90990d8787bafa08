"""Summarize a text: build the model call, split a text that is too long for one prompt, and check the completion."""

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
from nexus_ai.tasks.summary.chunking import json_size, split_text
from nexus_ai.tasks.summary.contract import build_list_summary, build_text_summary
from nexus_ai.tasks.summary.models import Style, Summary, SummaryRequest, SummaryResponse
from nexus_ai.tasks.summary.styles import STYLES

FOLDER = Path(__file__).parent
# Output tokens for the JSON around a summary, and a margin for languages that take one token per letter.
STRUCTURE_TOKENS = 128
# Parts are processed one after another, and the request has 29 seconds.
MAX_PARTS = 8
NOTE_WORDS, NOTE_TOKENS = 250, 700
MIN_TEXT_BYTES = 500
# The most tokens that a provider adds to a prompt.
PROVIDER_OVERHEAD_TOKENS = max(entry.overhead_tokens for entry in REGISTRY.values())
# The language of a long text is detected from its first characters.
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


def generate_summary(caller: Caller, request: SummaryRequest) -> SummaryResponse:
    """Return a summary with at most the requested number of characters.

    Raises:
        NexusError: The request was refused, or no provider returned a valid completion.
    """
    return SummaryResponse.of(gateway().run(caller, model_call(request)))


def model_call(request: SummaryRequest) -> ModelCall[Summary]:
    """Return the model call of a request."""
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
    """Return the limit of the request, or that of the style if the request has none."""
    return request.max_characters or STYLES[request.style].max_characters


def _prompt_data(request: SummaryRequest) -> dict[str, Any]:
    """Return the data for the user message, except the text. It is part of the cache key."""
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
        # The model's own language tag counts only if the request has none.
        language = request.language or validate_as(output, _LanguageOutput).language
        if request.style is Style.BULLETS:
            return build_list_summary(validate_as(output, _PointsOutput).points, maximum, language, expected)
        return build_text_summary(validate_as(output, _TextOutput).summary, request.style, maximum, language, expected)

    return parse


def _divider(request: SummaryRequest, prompt_data: dict[str, Any], step: Step) -> Callable[[int], MapReducePlan | None]:
    def divide(context: int) -> MapReducePlan | None:
        """Return the plan for a context window in tokens, or None if the prompt fits.

        Raises:
            ContentTooLarge: The text does not fit into MAX_PARTS parts. `fits` is the number of characters that do.
        """
        if _total_tokens(step) <= context:
            return None
        notes = _notes_step(request, "")
        # Each part's prompt has to hold its text, and the last prompt the notes of all parts. Both are counted in
        # bytes, which is safe because a token is at least one byte.
        max_text_bytes = context - _total_tokens(notes)
        max_notes_bytes = context - _total_tokens(_summary_step(request, prompt_data, ""))
        if min(max_text_bytes, max_notes_bytes) < MIN_TEXT_BYTES:
            raise ContentTooLarge(
                f"The model's context window of {context} tokens is too small for this request. Choose a model with a "
                "larger context window.",
                extra={"characters": len(request.text), "fits": 0},
            )
        parts = split_text(request.text, max_text_bytes)
        if len(parts) > MAX_PARTS:
            fits = sum(map(len, parts[:MAX_PARTS]))
            raise ContentTooLarge(
                f"The text has {len(request.text)} characters, but the model can read only about {fits} of them, in "
                f"{MAX_PARTS} parts of {context} tokens. Send a shorter text, or choose a model with a larger context "
                "window.",
                extra={"characters": len(request.text), "fits": fits},
            )
        return MapReducePlan(
            tuple(_notes_step(request, part) for part in parts),
            lambda notes: _summary_step(request, prompt_data, _join_notes(notes, max_notes_bytes)),
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


def _join_notes(notes: tuple[str, ...], max_bytes: int) -> str:
    """Return the notes of all parts. Each is cut to an equal share if they do not fit together."""
    headed = [f"(notes of part {number} of {len(notes)})\n{note.strip()}" for number, note in enumerate(notes, 1)]
    text = "\n\n".join(headed)
    if json_size(text) <= max_bytes:
        return text
    share = (max_bytes - json_size("\n\n") * len(notes)) // len(notes)
    return "\n\n".join(split_text(note, share)[0] for note in headed)
