"""Answers that are kept."""

from pydantic import BaseModel, ConfigDict


class CachedAnswer(BaseModel):
    """An answer as its provider gave it, and what it cost then. `text` has passed the task's contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    provider: str
    model: str
    answered_by: str
    input_tokens: int
    output_tokens: int
    cost_micros: int
