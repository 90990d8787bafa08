"""What is asked of an analysis of sentiment, and what it is."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from nexus_ai.platform.schema import ResponseModel
from nexus_ai.tasks.shared.request import NOT_BLANK, LanguageTag, TaskRequest
from nexus_ai.tasks.shared.response import TaskResponse

MAX_CHARACTERS = 10_000
MAX_TOTAL_CHARACTERS = 50_000
# A function has 29 seconds, and models write 50 to 300 tokens in each.
MAX_TEXTS = 25


class Label(StrEnum):
    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    MIXED = "mixed"


class Emotion(StrEnum):
    JOY = "joy"
    GRATITUDE = "gratitude"
    SATISFACTION = "satisfaction"
    TRUST = "trust"
    HOPE = "hope"
    SURPRISE = "surprise"
    CONFUSION = "confusion"
    ANXIETY = "anxiety"
    SADNESS = "sadness"
    DISAPPOINTMENT = "disappointment"
    FRUSTRATION = "frustration"
    ANGER = "anger"
    DISGUST = "disgust"


class Urgency(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


Text = Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=MAX_CHARACTERS)]


class SentimentRequest(TaskRequest):
    """Either `text` or `texts`. `language` is that of rationales and aspects; without it, each text's own."""

    text: Text | None = None
    texts: tuple[Text, ...] | None = Field(default=None, min_length=1, max_length=MAX_TEXTS)
    language: LanguageTag | None = None

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if (self.text is None) == (self.texts is None):
            raise ValueError("either text or texts is needed")
        if sum(map(len, self.input_texts)) > MAX_TOTAL_CHARACTERS:
            raise ValueError(f"texts come to more than {MAX_TOTAL_CHARACTERS} characters: send fewer at once")
        return self

    @property
    def input_texts(self) -> tuple[str, ...]:
        """The texts, in their order."""
        return self.texts or tuple(text for text in (self.text,) if text)


class Aspect(ResponseModel):
    """`quote` is a piece of the text, exactly as it stands there."""

    aspect: str
    sentiment: Label
    quote: str


class Sentiment(ResponseModel):
    """`score` is from -1 to 1 and agrees with `label`: above 0 for positive, below 0 for negative, near 0 for neutral.

    `confidence` is from 0 to 1; `emotions` are the strongest first; `language` is that of the text.
    """

    label: Label
    score: float
    confidence: float
    emotions: tuple[Emotion, ...]
    aspects: tuple[Aspect, ...]
    urgency: Urgency
    language: str
    rationale: str


class ItemError(ResponseModel):
    """Why a text has no sentiment, while others of its batch have: what the model's answer about it broke."""

    code: Literal["invalid_answer"]
    problems: tuple[str, ...]


class SentimentResult(ResponseModel):
    """Of the two, one is null."""

    sentiment: Sentiment | None
    error: ItemError | None


class Sentiments(ResponseModel):
    """One result for each text, in their order."""

    results: tuple[SentimentResult, ...]


type SentimentAnswer = TaskResponse[Sentiments]
