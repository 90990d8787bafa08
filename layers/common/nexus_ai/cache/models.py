"""Define cached responses."""

from nexus_ai.platform.schema import StoredModel


class CachedResponse(StoredModel):
    """Completion of a provider, with the usage and the cost of the request that it came from. None is unknown.

    Attributes:
        text: The completion, which keeps the task's output contract.
        provider: The provider of the completion.
        model: The model that was requested.
        answered_by: The model that the provider named in its response.
        input_tokens: Input tokens of all attempts with this provider and model.
        output_tokens: Output tokens of the same attempts.
        cost_micros: Cost of the same attempts in micro-dollars.
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
        """Return input and output tokens together; None if either is unknown."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens
