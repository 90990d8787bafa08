"""Check the sentiment of a text: values must be in range and agree, and quotes must occur in the text."""

import unicodedata
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nexus_ai.model_calls import InvalidOutputError
from nexus_ai.tasks.sentiment.models import Aspect, Emotion, Label, Sentiment, Urgency
from nexus_ai.tasks.shared.language import detect, is_other_language
from nexus_ai.tasks.shared.output_json import MAX_PROBLEMS, validate_as
from nexus_ai.tasks.shared.request import LanguageTag

MAX_EMOTIONS = 5
MAX_ASPECTS = 10
MAX_ASPECT_CHARACTERS = 80
MAX_RATIONALE_CHARACTERS = 400
# Far more than the twelve words that the instructions ask for. It bounds the search.
MAX_QUOTE_CHARACTERS = 300
# Lowest and highest score of each label, as in the instructions. Zero is neither positive nor negative.
SCORES = {
    Label.POSITIVE: (0.01, 1.0),
    Label.NEGATIVE: (-1.0, -0.01),
    Label.NEUTRAL: (-0.25, 0.25),
    Label.MIXED: (-0.5, 0.5),
}
# Models put quotation marks around a quote and dots at the end of a shortened one.
_QUOTE_MARKS = " \t\r\n\"'“”„«»‘’`…."
MAX_SHOWN_CHARACTERS = 80


def _normalize_name(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


_NormalizedName = BeforeValidator(_normalize_name)


class _AspectOutput(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    aspect: str
    sentiment: Annotated[Label, _NormalizedName]
    quote: str


class _SentimentOutput(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    label: Annotated[Label, _NormalizedName]
    score: float = Field(ge=-1, le=1)
    confidence: float = Field(ge=0, le=1)
    emotions: tuple[Annotated[Emotion, _NormalizedName], ...] = Field(max_length=MAX_EMOTIONS)
    aspects: tuple[_AspectOutput, ...] = Field(max_length=MAX_ASPECTS)
    urgency: Annotated[Urgency, _NormalizedName]
    language: LanguageTag
    rationale: str


def validate_sentiment(value: object, text: str, language: str | None) -> Sentiment:
    """Return the sentiment of a text from one member of a completion.

    Args:
        value: The member's JSON value.
        text: The text that was analyzed. Quotes must occur in it.
        language: The BCP 47 tag of the rationale, or None for the text's own language.

    Raises:
        InvalidOutputError: The value does not fit. It has one sentence for each problem.
    """
    output = validate_as(value, _SentimentOutput)
    problems: list[str] = []
    score = round(output.score, 2) + 0.0
    minimum, maximum = SCORES[output.label]
    if not minimum <= score <= maximum:
        problems.append(f"score {score} does not agree with the label {output.label}: {minimum} to {maximum} does")
    rationale = " ".join(output.rationale.split())
    if not 0 < len(rationale) <= MAX_RATIONALE_CHARACTERS:
        problems.append(f"rationale must have 1 to {MAX_RATIONALE_CHARACTERS} characters, and has {len(rationale)}")
    # Function words outrank the model's language tag, because instructions in the text may have misled the model.
    text_language = (is_other_language(text, output.language) and detect(text)) or output.language
    if is_other_language(rationale, language or text_language):
        problems.append(f"rationale is not in the language {language or text_language}")
    aspects = [_check_aspect(aspect, text, problems) for aspect in output.aspects]
    if problems:
        raise InvalidOutputError(*problems[:MAX_PROBLEMS])
    return Sentiment(
        label=output.label,
        score=score,
        confidence=round(output.confidence, 2) + 0.0,
        emotions=tuple(dict.fromkeys(output.emotions)),
        aspects=tuple(aspects),
        urgency=output.urgency,
        language=text_language,
        rationale=rationale,
    )


def _check_aspect(output: _AspectOutput, text: str, problems: list[str]) -> Aspect:
    name = " ".join(output.aspect.split())
    if not 0 < len(name) <= MAX_ASPECT_CHARACTERS:
        problems.append(f"the name of an aspect must have 1 to {MAX_ASPECT_CHARACTERS} characters, and has {len(name)}")
    quote = ""
    if len(output.quote) > MAX_QUOTE_CHARACTERS:
        problems.append(f"a quote must have at most {MAX_QUOTE_CHARACTERS} characters, and has {len(output.quote)}")
    elif not (quote := find_quote(text, output.quote)):
        shown = " ".join(output.quote.split())[:MAX_SHOWN_CHARACTERS]
        problems.append(f'the quote "{shown}" does not stand in the text: copy it character by character')
    return Aspect(aspect=name, sentiment=output.sentiment, quote=quote)


def find_quote(text: str, quote: str) -> str:
    """Return the part of the text that a quote refers to, exactly as in the text, or an empty string.

    White space, case, Unicode normalization and marks around the quote may differ.
    """
    composed, decomposed = unicodedata.normalize("NFC", quote), unicodedata.normalize("NFD", quote)
    stripped = (form.strip(marks) for form in (quote, composed, decomposed) for marks in (None, _QUOTE_MARKS))
    folded, positions = _normalize_with_positions(text)
    for candidate in dict.fromkeys(filter(None, stripped)):
        if candidate in text:
            return candidate
        folded_candidate, _ = _normalize_with_positions(candidate)
        if (start := folded.find(folded_candidate)) >= 0:
            return text[positions[start] : positions[start + len(folded_candidate) - 1] + 1]
    return ""


def _normalize_with_positions(text: str) -> tuple[str, list[int]]:
    """Return the text in one case with single spaces, and each character's position in the original text."""
    positions = [at for at, character in enumerate(text) if not (character.isspace() and text[at - 1 : at].isspace())]
    return "".join(map(_fold_character, map(text.__getitem__, positions))), positions


def _fold_character(character: str) -> str:
    """Return exactly one character for each character, so that positions stay valid."""
    folded = character.casefold()
    return " " if character.isspace() else folded if len(folded) == 1 else character.lower()[0]
