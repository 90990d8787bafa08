"""What the sentiment of a text has to keep: values in their ranges that agree, and quotes that stand in the text."""

import unicodedata
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nexus_ai.model_calls import InvalidOutputError
from nexus_ai.tasks.sentiment.models import Aspect, Emotion, Label, Sentiment, Urgency
from nexus_ai.tasks.shared.language import detect, is_other_language
from nexus_ai.tasks.shared.output_json import PROBLEMS_TOLD, validated
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
_AROUND_QUOTE = " \t\r\n\"'“”„«»‘’`…."
QUOTED_CHARACTERS = 80


def _as_a_name(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


_Named = BeforeValidator(_as_a_name)


class _WrittenAspect(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    aspect: str
    sentiment: Annotated[Label, _Named]
    quote: str


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    label: Annotated[Label, _Named]
    score: float = Field(ge=-1, le=1)
    confidence: float = Field(ge=0, le=1)
    emotions: tuple[Annotated[Emotion, _Named], ...] = Field(max_length=MAX_EMOTIONS)
    aspects: tuple[_WrittenAspect, ...] = Field(max_length=MAX_ASPECTS)
    urgency: Annotated[Urgency, _Named]
    language: LanguageTag
    rationale: str


def of_object(value: object, text: str, language: str | None) -> Sentiment:
    """The sentiment of a text as a model wrote it; raises ContractBroken. `language` is that of its sentences."""
    written = validated(value, _Written)
    problems: list[str] = []
    score = round(written.score, 2) + 0.0
    least, most = SCORES[written.label]
    if not least <= score <= most:
        problems.append(f"score {score} does not agree with the label {written.label}: {least} to {most} does")
    rationale = " ".join(written.rationale.split())
    if not 0 < len(rationale) <= MAX_RATIONALE_CHARACTERS:
        problems.append(f"rationale must have 1 to {MAX_RATIONALE_CHARACTERS} characters, and has {len(rationale)}")
    # Function words tell a text's language better than a model that a text ordered about.
    of_text = (is_other_language(text, written.language) and detect(text)) or written.language
    if is_other_language(rationale, language or of_text):
        problems.append(f"rationale is not in the language {language or of_text}")
    aspects = [_aspect(aspect, text, problems) for aspect in written.aspects]
    if problems:
        raise InvalidOutputError(*problems[:PROBLEMS_TOLD])
    return Sentiment(
        label=written.label,
        score=score,
        confidence=round(written.confidence, 2) + 0.0,
        emotions=tuple(dict.fromkeys(written.emotions)),
        aspects=tuple(aspects),
        urgency=written.urgency,
        language=of_text,
        rationale=rationale,
    )


def _aspect(written: _WrittenAspect, text: str, problems: list[str]) -> Aspect:
    name = " ".join(written.aspect.split())
    if not 0 < len(name) <= MAX_ASPECT_CHARACTERS:
        problems.append(f"the name of an aspect must have 1 to {MAX_ASPECT_CHARACTERS} characters, and has {len(name)}")
    quote = ""
    if len(written.quote) > MAX_QUOTE_CHARACTERS:
        problems.append(f"a quote must have at most {MAX_QUOTE_CHARACTERS} characters, and has {len(written.quote)}")
    elif not (quote := found_in(text, written.quote)):
        shown = " ".join(written.quote.split())[:QUOTED_CHARACTERS]
        problems.append(f'the quote "{shown}" does not stand in the text: copy it character by character')
    return Aspect(aspect=name, sentiment=written.sentiment, quote=quote)


def found_in(text: str, quote: str) -> str:
    """The piece of the text that a quote means, as it stands there; empty where there is none.

    White space, case, how accents are encoded, and marks around the quote may differ.
    """
    composed, decomposed = unicodedata.normalize("NFC", quote), unicodedata.normalize("NFD", quote)
    stripped = (form.strip(marks) for form in (quote, composed, decomposed) for marks in (None, _AROUND_QUOTE))
    folded, places = _folded(text)
    for meant in dict.fromkeys(filter(None, stripped)):
        if meant in text:
            return meant
        sought, _ = _folded(meant)
        if (begin := folded.find(sought)) >= 0:
            return text[places[begin] : places[begin + len(sought) - 1] + 1]
    return ""


def _folded(text: str) -> tuple[str, list[int]]:
    """The text in one case and with single spaces, and where each of its characters stands."""
    places = [at for at, character in enumerate(text) if not (character.isspace() and text[at - 1 : at].isspace())]
    return "".join(map(_one_case, map(text.__getitem__, places))), places


def _one_case(character: str) -> str:
    """One character for one, so that places stay what they are."""
    folded = character.casefold()
    return " " if character.isspace() else folded if len(folded) == 1 else character.lower()[0]
