"""Define the request and response of the sentiment task."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from nexus_ai.platform.schema import ResponseModel
from nexus_ai.tasks.shared.request import NOT_BLANK, LanguageTag, TaskRequest
from nexus_ai.tasks.shared.response import TaskResponse

MAX_CHARACTERS = 10_000
MAX_TOTAL_CHARACTERS = 50_000
# A function has 29 seconds, and models generate 50 to 300 tokens per second.
MAX_TEXTS = 25


class Label(StrEnum):
    """Overall sentiment. `mixed` means clear praise and clear criticism in one text."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    MIXED = "mixed"


class Emotion(StrEnum):
    """Emotion that a text expresses."""

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
    """Urgency of a reply. `high` means today, `medium` that the writer expects a reply."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


Text = Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=MAX_CHARACTERS)]


class SentimentRequest(TaskRequest):
    """One text or several texts to analyze.

    Send either `text` or `texts`. Rationales and names of aspects are in `language`, or in the language of each text
    if it is missing.
    """

    text: Text | None = None
    texts: tuple[Text, ...] | None = Field(default=None, min_length=1, max_length=MAX_TEXTS)
    language: LanguageTag | None = None

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if (self.text is None) == (self.texts is None):
            raise ValueError("Send either text or texts, and not both")
        if sum(map(len, self.input_texts)) > MAX_TOTAL_CHARACTERS:
            raise ValueError(
                f"The texts have more than {MAX_TOTAL_CHARACTERS} characters together. Send fewer texts per request"
            )
        return self

    @property
    def input_texts(self) -> tuple[str, ...]:
        """Return the texts in the order of the request."""
        return self.texts or tuple(text for text in (self.text,) if text)


class Aspect(ResponseModel):
    """Topic that the text praises, criticizes or mentions. `quote` is a part of the text, character by character."""

    aspect: str
    sentiment: Label
    quote: str


class Sentiment(ResponseModel):
    """Sentiment of one text.

    `score` is between -1 and 1 and agrees with `label`: above 0 for positive, below 0 for negative, from -0.25 to 0.25
    for neutral, from -0.5 to 0.5 for mixed. `confidence` is between 0 and 1. `emotions` lists the strongest first.
    `language` is the BCP 47 tag of the text. `rationale` explains the sentiment in one sentence.
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
    """Reason why one text of a batch has no sentiment: the model's output for it was invalid, also after a repair.

    `problems` has one sentence for each violation.
    """

    code: Literal["invalid_answer"]
    problems: tuple[str, ...]


class SentimentResult(ResponseModel):
    """Result for one text: either `sentiment` or `error`, the other one is null."""

    sentiment: Sentiment | None
    error: ItemError | None


class Sentiments(ResponseModel):
    """One result for each text, in the order of the request."""

    results: tuple[SentimentResult, ...]


class SentimentResponse(TaskResponse[Sentiments]):
    """Sentiment of the texts and how it was made."""
