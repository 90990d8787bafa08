"""Answers that are kept."""

from nexus_ai.platform.schema import StoredModel


class CachedResponse(StoredModel):
    """An answer as its provider gave it, and what it cost then; None is unknown. `text` has passed the task's contract.

    Money in micro-dollars.
    """

    text: str
    provider: str
    model: str
    answered_by: str
    input_tokens: int | None
    output_tokens: int | None
    cost_micros: int | None

    @property
    def total_tokens(self) -> int | None:
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens
