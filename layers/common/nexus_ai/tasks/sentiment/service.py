"""Analyze the sentiment of texts: build the model call and check the completion."""

from functools import partial
from pathlib import Path
from typing import Any

from nexus_ai.gateway.composition import gateway
from nexus_ai.model_calls import InvalidOutputError, ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.providers.base import OutputSchema
from nexus_ai.tasks.sentiment.contract import MAX_ASPECTS, MAX_EMOTIONS, validate_sentiment
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
from nexus_ai.tasks.shared.prompting import build_model_call, build_prompt, load_instructions

# A repair needs the kinds of problems, and not every occurrence.
MAX_PROBLEMS = 20
FOLDER = Path(__file__).parent
AS_JSON = 'Answer with JSON alone: one object with a member for each of "texts", under the same name.'
LANGUAGE_OF_TEXT = "Write rationale and names of aspects in the language of the text."
LANGUAGE_OF_REQUEST = 'Write rationale and names of aspects in "language".'
# Instructions for batches of at least this many texts. Larger batches get shorter results, so that the request ends in
# time: at about 75 tokens each, 25 texts take 15 seconds with a model that generates 130 tokens per second
# (docs/decisions).
DETAIL_BY_TEXT_COUNT = (
    (1, "At most 5 aspects."),
    (4, "At most 2 aspects for each text, and rationales of at most 12 words."),
    (10, "At most 1 aspect for each text with a quote of at most 6 words, 1 emotion, rationales of at most 8 words."),
)
SINGLE_TEXT_TOKENS, TOKENS_PER_TEXT = 560, 260


def analyze_sentiment(caller: Caller, request: SentimentRequest) -> SentimentResponse:
    """Return a sentiment or an error for every text.

    Raises:
        NexusError: The request was refused, or no provider returned a valid sentiment for any text.
    """
    return SentimentResponse.of(gateway().run(caller, model_call(request)))


def model_call(request: SentimentRequest) -> ModelCall[Sentiments]:
    """Return the model call of a request."""
    prompt_data = _prompt_data(request)
    count = len(request.input_texts)
    step = build_prompt(
        ANALYZE_SENTIMENT,
        request,
        system=_system(request),
        data=prompt_data,
        max_tokens=request.max_tokens or max(SINGLE_TEXT_TOKENS * min(count, 2), TOKENS_PER_TEXT * count),
        output=OutputSchema(name="sentiment", schema=_schema(count)),
    )
    return build_model_call(
        ANALYZE_SENTIMENT,
        request,
        step,
        parameters=prompt_data,
        parse=partial(_parse, request, require_all=True),
        salvage=partial(_parse, request, require_all=False),
    )


def _prompt_data(request: SentimentRequest) -> dict[str, Any]:
    """Return the data for the user message. It is part of the cache key."""
    prompt_data: dict[str, Any] = {
        "texts": {_member_name(index): text for index, text in enumerate(request.input_texts)}
    }
    return {**prompt_data, "language": request.language} if request.language else prompt_data


def _system(request: SentimentRequest) -> str:
    return "\n".join(
        (
            load_instructions(FOLDER),
            LANGUAGE_OF_REQUEST if request.language else LANGUAGE_OF_TEXT,
            _detail_limits(len(request.input_texts)),
            AS_JSON,
        )
    )


def _detail_limits(count: int) -> str:
    return next(detail for minimum, detail in reversed(DETAIL_BY_TEXT_COUNT) if count >= minimum)


def _member_name(index: int) -> str:
    return f"text{index + 1}"


def _schema(count: int) -> dict[str, Any]:
    """Return the JSON Schema of the completion, with one named member per text.

    Observations come before the judgement, so that the model derives the label from them.
    """
    string = {"type": "string"}
    label = {"type": "string", "enum": [label.value for label in Label]}
    aspect = _object_schema({"aspect": string, "sentiment": label, "quote": string})
    emotion = {"type": "string", "enum": [emotion.value for emotion in Emotion]}
    sentiment = _object_schema(
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
    texts = _object_schema({_member_name(index): {"$ref": "#/$defs/sentiment"} for index in range(count)})
    return {**texts, "$defs": {"sentiment": sentiment}}


def _object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _parse(request: SentimentRequest, text: str, *, require_all: bool) -> Sentiments:
    """Return the results of a completion.

    Args:
        request: The request that the completion belongs to.
        text: The completion.
        require_all: If False, a text with an invalid member gets an error instead of a sentiment.

    Raises:
        InvalidOutputError: All texts are required and one is invalid, or no text has a valid sentiment.
    """
    output = read_object(text)
    results = [
        _parse_text_result(request, output.get(_member_name(index)), item)
        for index, item in enumerate(request.input_texts)
    ]
    problems = [
        f"{_member_name(index)}: {problem}"
        for index, result in enumerate(results)
        if result.error
        for problem in result.error.problems
    ]
    if problems and (require_all or not any(result.sentiment for result in results)):
        raise InvalidOutputError(*problems[:MAX_PROBLEMS])
    return Sentiments(results=tuple(results))


def _parse_text_result(request: SentimentRequest, output: object, text: str) -> SentimentResult:
    try:
        if output is None:
            raise InvalidOutputError("the answer has nothing about this text")
        return SentimentResult(sentiment=validate_sentiment(output, text, request.language), error=None)
    except InvalidOutputError as error:
        return SentimentResult(sentiment=None, error=ItemError(code="invalid_answer", problems=error.problems))
