"""Define the fields of the API's responses that the checks use."""

from decimal import Decimal

from ops.smoke.api import Part


class Health(Part):
    status: str
    version: str
    stage: str


class LastTest(Part):
    success: bool
    code: str


class ProviderConfig(Part):
    provider: str
    model: str
    last_test: LastTest | None


class ProviderConfigs(Part):
    items: tuple[ProviderConfig, ...]


class ConnectionTest(Part):
    success: bool
    code: str


class Window(Part):
    limit: str
    used: Decimal
    reserved: Decimal
    left: Decimal | None
    resets_at: str


class Alert(Part):
    limit: str
    threshold: int
    status: str
    at: str | None


class RateLimits(Part):
    alert_emails: tuple[str, ...]
    alerts: tuple[Alert, ...]
    windows: tuple[Window, ...]

    def window(self, limit: str) -> Window:
        return next(window for window in self.windows if window.limit == limit)


class Preferences(Part):
    cache_ttl_days: int
    audit_content: str
    allowed_providers: tuple[str, ...] | None
    allowed_models: tuple[dict[str, str], ...] | None


class Usage(Part):
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cost_usd: Decimal | None


class Fallback(Part):
    used: bool


class TaskResponse(Part):
    """Response of a task, without its data."""

    request_id: str
    provider: str
    model: str
    cached: bool
    usage: Usage
    fallback: Fallback


class Refusal(Part):
    code: str
    limit: str


class Counts(Part):
    """Usage of a module."""

    module: str
    requests: int
    cache_hits: int
    rejections: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


class UsageStats(Part):
    by_module: tuple[Counts, ...]


class Record(Part):
    """Audit record."""

    id: str
    user_id: str
    module: str
    status: str
    usage: Usage


class Records(Part):
    items: tuple[Record, ...]
    next_cursor: str | None


class Content(Part):
    """Prompt and completion of a record; None after their erasure."""

    prompt: dict[str, object] | None
    answer: str | None


class Job(Part):
    id: str
    status: str
    records: int
