"""What administrators are told of by mail."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nexus_ai.platform.schema import StoredModel


class AlertedLimit(StrEnum):
    """By the names that the API gives the limits. Their windows are an hour, a day and a month."""

    REQUESTS_PER_HOUR = "requestsPerHour"
    TOKENS_PER_DAY = "tokensPerDay"
    COST_PER_MONTH = "costPerMonthUsd"


class LimitAlert(BaseModel):
    """A limit of which `threshold` percent and more were used in the window that ended, or ends, at `window_end`.

    Amounts are requests, tokens, or micro-dollars; times are seconds since 1970 UTC. A window is known by its end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant_id: str
    limit: AlertedLimit
    threshold: int
    window_end: int
    used: int
    max: int

    @property
    def name(self) -> str:
        """Its sort key: there is one of each in a tenant's partition."""
        return self.name_of(self.limit, self.threshold, self.window_end)

    @staticmethod
    def name_of(limit: AlertedLimit, threshold: int, window_end: int) -> str:
        return f"alert#limit#{limit}#{threshold}#{window_end}"


class ProviderEvent(StrEnum):
    KEY_FAILED = "key_failed"
    CIRCUIT_OPENED = "circuit_opened"


class ProviderAlert(StoredModel):
    """A provider that stopped working for a tenant, which fallback hides from its users.

    `reason` is the failure's kind (providers.base.FailureKind); `key_last_four` is told where the key is at fault, and
    `model` where its circuit was opened. `at` is in seconds since 1970 UTC.
    """

    tenant_id: str
    event: ProviderEvent
    provider: str
    model: str | None
    key_last_four: str | None
    reason: str
    at: int

    @property
    def name(self) -> str:
        """Its sort key: one event is told once, until it is over."""
        return self.name_of(self.event, self.provider, self.model)

    @staticmethod
    def name_of(event: ProviderEvent, provider: str, model: str | None) -> str:
        return f"alert#{event}#{provider}" + (f"#{model}" if model else "")


type Alert = LimitAlert | ProviderAlert


class AlertStatus(StrEnum):
    """The state of an alert: not sent yet, sent, or put aside because there was no sender or no recipient."""

    DUE = "due"
    SENT = "sent"
    MAILS_OFF = "mails_off"
    NO_RECIPIENT = "no_recipient"


class Spent(BaseModel):
    """What one provider and model, or one module, cost in the days of a window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tokens: int
    cost_micros: int


class Spending(BaseModel):
    """The dearest of a window, dearest first: models as `provider/model`, and modules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[Spent, ...] = ()
    modules: tuple[Spent, ...] = ()
