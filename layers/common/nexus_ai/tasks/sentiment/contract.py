"""What the sentiment of a text has to keep: values in their ranges that agree, and quotes that stand in the text."""

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
# Far more than the twelve words that are asked for; it bounds the search.
MAX_QUOTE_CHARACTERS = 300
# The scores of each label, as the instructions have them. Zero is neither positive nor negative.
SCORES = {
    Label.POSITIVE: (0.01, 1.0),
    Label.NEGATIVE: (-1.0, -0.01),
    Label.NEUTRAL: (-0.25, 0.25),
    Label.MIXED: (-0.5, 0.5),
}
# What models set around a quote, and what they end a cut one with.
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
    """The sentiment of a text as a model wrote it; raises ContractBroken. `language` is that of its sentences."""
    output = validate_as(value, _SentimentOutput)
    problems: list[str] = []
    score = round(output.score, 2) + 0.0
    minimum, maximum = SCORES[output.label]
    if not minimum <= score <= maximum:
        problems.append(f"score {score} does not agree with the label {output.label}: {minimum} to {maximum} does")
    rationale = " ".join(output.rationale.split())
    if not 0 < len(rationale) <= MAX_RATIONALE_CHARACTERS:
        problems.append(f"rationale must have 1 to {MAX_RATIONALE_CHARACTERS} characters, and has {len(rationale)}")
    # Function words tell a text's language better than a model that a text ordered about.
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
    """The piece of the text that a quote means, as it stands there; empty where there is none.

    White space, case, how accents are encoded, and marks around the quote may differ.
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
    """The text in one case and with single spaces, and where each of its characters stands."""
    positions = [at for at, character in enumerate(text) if not (character.isspace() and text[at - 1 : at].isspace())]
    return "".join(map(_fold_character, map(text.__getitem__, positions))), positions


def _fold_character(character: str) -> str:
    """One character for one, so that places stay what they are."""
    folded = character.casefold()
    return " " if character.isspace() else folded if len(folded) == 1 else character.lower()[0]
