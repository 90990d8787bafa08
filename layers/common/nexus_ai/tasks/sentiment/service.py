"""Sentiment: the question to the model about one text or several, and the contract of its answer."""

from functools import partial
from pathlib import Path
from typing import Any

from nexus_ai.gateway.composition import gateway
from nexus_ai.model_calls import InvalidOutputError, ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.providers.base import OutputSchema
from nexus_ai.tasks.sentiment.contract import MAX_ASPECTS, MAX_EMOTIONS, of_object
from nexus_ai.tasks.sentiment.models import (
    Emotion,
    ItemError,
    Label,
    SentimentRequest,
    SentimentResponse,
    SentimentResult,
    Sentiments,
    Urgency,
)
from nexus_ai.tasks.shared.defaults import ANALYZE_SENTIMENT
from nexus_ai.tasks.shared.output_json import read_object
from nexus_ai.tasks.shared.prompting import build_model_call, build_prompt, instructions

# A repair has to be told what is wrong, and not how often.
PROBLEMS_TOLD = 20
FOLDER = Path(__file__).parent
AS_JSON = 'Answer with JSON alone: one object with a member for each of "texts", under the same name.'
LANGUAGE_OF_TEXT = "Write rationale and names of aspects in the language of the text."
LANGUAGE_ASKED_FOR = 'Write rationale and names of aspects in "language".'
# From so many texts on: of many, what is said of each has to be short, or none would be ready in time. At some 75
# tokens each, 25 take 15 seconds of a model that writes 130 in one (docs/decisions).
DETAIL = (
    (1, "At most 5 aspects."),
    (4, "At most 2 aspects for each text, and rationales of at most 12 words."),
    (10, "At most 1 aspect for each text with a quote of at most 6 words, 1 emotion, rationales of at most 8 words."),
)
TOKENS_OF_ONE, TOKENS_OF_EACH = 560, 260


def analyze_sentiment(caller: Caller, request: SentimentRequest) -> SentimentResponse:
    """The sentiment of every text, or what is wrong with a model's answer about it; raises NexusError."""
    return SentimentResponse.of(gateway().run(caller, model_call(request)))


def model_call(request: SentimentRequest) -> ModelCall[Sentiments]:
    """The question that a request comes to."""
    asked = _asked(request)
    number = len(request.items)
    whole = build_prompt(
        ANALYZE_SENTIMENT,
        request,
        system=_system(request),
        data=asked,
        max_tokens=request.max_tokens or max(TOKENS_OF_ONE * min(number, 2), TOKENS_OF_EACH * number),
        output=OutputSchema(name="sentiment", schema=_schema(number)),
    )
    return build_model_call(
        ANALYZE_SENTIMENT,
        request,
        whole,
        parameters=asked,
        parse=partial(_parse, request, all_of_it=True),
        salvage=partial(_parse, request, all_of_it=False),
    )


def _asked(request: SentimentRequest) -> dict[str, Any]:
    """What the model is told, as data; also what makes the answer's cache key."""
    asked: dict[str, Any] = {"texts": {_name(number): text for number, text in enumerate(request.items)}}
    return {**asked, "language": request.language} if request.language else asked


def _system(request: SentimentRequest) -> str:
    return "\n".join(
        (
            instructions(FOLDER),
            LANGUAGE_ASKED_FOR if request.language else LANGUAGE_OF_TEXT,
            _detail(len(request.items)),
            AS_JSON,
        )
    )


def _detail(number: int) -> str:
    return next(detail for least, detail in reversed(DETAIL) if number >= least)


def _name(number: int) -> str:
    return f"text{number + 1}"


def _schema(number: int) -> dict[str, Any]:
    """One named member a text. What is seen in it comes before what is made of that."""
    string = {"type": "string"}
    label = {"type": "string", "enum": [label.value for label in Label]}
    aspect = _object({"aspect": string, "sentiment": label, "quote": string})
    emotion = {"type": "string", "enum": [emotion.value for emotion in Emotion]}
    sentiment = _object(
        {
            "language": string,
            "aspects": {"type": "array", "items": aspect, "maxItems": MAX_ASPECTS},
            "emotions": {"type": "array", "items": emotion, "maxItems": MAX_EMOTIONS},
            "rationale": string,
            "label": label,
            "score": {"type": "number", "minimum": -1, "maximum": 1},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "urgency": {"type": "string", "enum": [urgency.value for urgency in Urgency]},
        }
    )
    texts = _object({_name(at): {"$ref": "#/$defs/sentiment"} for at in range(number)})
    return {**texts, "$defs": {"sentiment": sentiment}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _parse(request: SentimentRequest, text: str, *, all_of_it: bool) -> Sentiments:
    """Reads an answer; raises ContractBroken.

    `all_of_it` False takes what is whole: a text whose part is broken has an error in the place of its sentiment.
    """
    written = read_object(text)
    results = [_result(request, written.get(_name(at)), item) for at, item in enumerate(request.items)]
    problems = [
        f"{_name(at)}: {problem}"
        for at, result in enumerate(results)
        if result.error
        for problem in result.error.problems
    ]
    if problems and (all_of_it or not any(result.sentiment for result in results)):
        raise InvalidOutputError(*problems[:PROBLEMS_TOLD])
    return Sentiments(results=tuple(results))


def _result(request: SentimentRequest, written: object, text: str) -> SentimentResult:
    try:
        if written is None:
            raise InvalidOutputError("the answer has nothing about this text")
        return SentimentResult(sentiment=of_object(written, text, request.language), error=None)
    except InvalidOutputError as broken:
        return SentimentResult(sentiment=None, error=ItemError(code="invalid_answer", problems=broken.problems))
