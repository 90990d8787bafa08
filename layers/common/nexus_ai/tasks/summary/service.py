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
from nexus_ai.tasks.shared.output_json import read_object, validated
from nexus_ai.tasks.shared.prompting import build_model_call, build_prompt, instructions
from nexus_ai.tasks.shared.request import LanguageTag
from nexus_ai.tasks.summary.chunking import size, split_text
from nexus_ai.tasks.summary.contract import of_points, of_text
from nexus_ai.tasks.summary.models import Style, Summary, SummaryRequest, SummaryResponse
from nexus_ai.tasks.summary.styles import STYLES

FOLDER = Path(__file__).parent
# Room for the structure around a summary, and for languages whose letters are tokens.
TOKENS_OF_STRUCTURE = 128
# Parts are read one after another, and all of it has 29 seconds.
MAX_PARTS = 8
NOTE_WORDS, NOTE_TOKENS = 250, 700
LEAST_ROOM = 500
# What the vendors add to a prompt by themselves.
FRAMING = max(entry.overhead_tokens for entry in REGISTRY.values())
# The language of a long text is told by its beginning.
DETECTED_FROM = 20_000


class _Tagged(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    language: LanguageTag


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    summary: Annotated[str, StringConstraints(min_length=1)]


class _Points(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    points: tuple[str, ...] = Field(min_length=1)


def generate_summary(caller: Caller, request: SummaryRequest) -> SummaryResponse:
    """A summary of at most as many characters as asked for; raises NexusError."""
    return SummaryResponse.of(gateway().run(caller, model_call(request)))


def model_call(request: SummaryRequest) -> ModelCall[Summary]:
    """The question that a request comes to."""
    asked = _asked(request)
    whole = _step(request, asked, request.text)
    return build_model_call(
        GENERATE_SUMMARY,
        request,
        whole,
        parameters={"text": request.text, **asked},
        parse=_contract(request),
        divide=_divide(request, asked, whole),
    )


def most_characters(request: SummaryRequest) -> int:
    """The limit that holds: the request's, else the style's."""
    return request.max_characters or STYLES[request.style].max_characters


def _asked(request: SummaryRequest) -> dict[str, Any]:
    """What is asked beside the text."""
    asked = {
        "style": STYLES[request.style].advice,
        "language": request.language,
        "focus": request.focus,
        "maxCharacters": most_characters(request),
    }
    return {name: value for name, value in asked.items() if value is not None}


def _step(request: SummaryRequest, asked: dict[str, Any], text: str) -> Step:
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
        system=f'{instructions(FOLDER)}\nAnswer with JSON alone: one object with "language", the BCP 47 tag of the '
        f'summary\'s language, and "{name}".',
        data={"text": text, **asked},
        max_tokens=request.max_tokens or most_characters(request) * 2 // 3 + TOKENS_OF_STRUCTURE,
        output=OutputSchema(name="summary", schema=schema),
    )


def _contract(request: SummaryRequest) -> Callable[[str], Summary]:
    most = most_characters(request)
    expected = request.language or detect(request.text[:DETECTED_FROM])

    def parse(text: str) -> Summary:
        answer = read_object(text)
        # What the model says of the language matters only where nobody said it before.
        language = request.language or validated(answer, _Tagged).language
        if request.style is Style.BULLETS:
            return of_points(validated(answer, _Points).points, most, language, expected)
        return of_text(validated(answer, _Written).summary, request.style, most, language, expected)

    return parse


def _divide(request: SummaryRequest, asked: dict[str, Any], whole: Step) -> Callable[[int], MapReducePlan | None]:
    def divide(context: int) -> MapReducePlan | None:
        """Raises ContentTooLarge with the size that fits."""
        if _taken(whole) <= context:
            return None
        notes = _notes(request, "")
        # The joined step has to hold the notes of all parts, and a part its text; a token of notes is some bytes.
        room = context - _taken(notes)
        room_of_notes = context - _taken(_step(request, asked, ""))
        if min(room, room_of_notes) < LEAST_ROOM:
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
            tuple(_notes(request, part) for part in parts),
            lambda written: _step(request, asked, _joined(written, room_of_notes)),
        )

    return divide


def _taken(whole: Step) -> int:
    return whole.input_tokens + whole.prompt.max_tokens + FRAMING


def _notes(request: SummaryRequest, part: str) -> Step:
    data: dict[str, Any] = {"text": part, "maxWords": NOTE_WORDS}
    return build_prompt(
        GENERATE_SUMMARY,
        request,
        system=instructions(FOLDER, "notes.md"),
        data={**data, "focus": request.focus} if request.focus else data,
        max_tokens=NOTE_TOKENS,
    )


def _joined(notes: tuple[str, ...], room: int) -> str:
    """The notes of all parts, each cut to its share where they would not fit together."""
    headed = [f"(notes of part {number} of {len(notes)})\n{note.strip()}" for number, note in enumerate(notes, 1)]
    text = "\n\n".join(headed)
    if size(text) <= room:
        return text
    share = (room - size("\n\n") * len(notes)) // len(notes)
    return "\n\n".join(split_text(note, share)[0] for note in headed)
