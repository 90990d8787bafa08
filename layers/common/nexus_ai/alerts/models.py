"""Define the alerts that administrators receive by e-mail."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nexus_ai.platform.schema import StoredModel


class AlertedLimit(StrEnum):
    """Limits that can have alerts, by their names in the API."""

    REQUESTS_PER_HOUR = "requestsPerHour"
    TOKENS_PER_DAY = "tokensPerDay"
    COST_PER_MONTH = "costPerMonthUsd"


class LimitAlert(BaseModel):
    """Alert for a limit whose usage reached `threshold` percent in the window that ends at `window_end`.

    Amounts are requests, tokens or micro-dollars. Times are seconds since 1970 UTC. The end identifies the window.
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
        """Sort key of the alert. There is one per limit, threshold and window."""
        return self.name_of(self.limit, self.threshold, self.window_end)

    @staticmethod
    def name_of(limit: AlertedLimit, threshold: int, window_end: int) -> str:
        """Return the sort key of an alert."""
        return f"alert#limit#{limit}#{threshold}#{window_end}"


class ProviderEvent(StrEnum):
    """Kind of a provider alert."""

    KEY_FAILED = "key_failed"
    CIRCUIT_OPENED = "circuit_opened"


class ProviderAlert(StoredModel):
    """Alert for a provider that stopped working for a tenant. Fallback hides this from the tenant's users.

    Attributes:
        model: The model whose circuit breaker opened; None if the key failed.
        key_last_four: End of the key that failed; None if a circuit breaker opened.
        reason: A providers.base.FailureKind.
        at: Time of the failure in seconds since 1970 UTC.
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
        """Sort key of the alert. One event causes one alert until the provider has recovered."""
        return self.name_of(self.event, self.provider, self.model)

    @staticmethod
    def name_of(event: ProviderEvent, provider: str, model: str | None) -> str:
        """Return the sort key of an alert."""
        return f"alert#{event}#{provider}" + (f"#{model}" if model else "")


type Alert = LimitAlert | ProviderAlert


class AlertStatus(StrEnum):
    """Status of an alert: not sent yet, sent, or closed without an e-mail because sender or recipient is missing."""

    DUE = "due"
    SENT = "sent"
    MAILS_OFF = "mails_off"
    NO_RECIPIENT = "no_recipient"


class Spent(BaseModel):
    """Tokens and cost of one model (`provider/model`) or one module in the days of a window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tokens: int
    cost_micros: int


class Spending(BaseModel):
    """Models and modules with the highest cost in the days of a window, highest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[Spent, ...] = ()
    modules: tuple[Spent, ...] = ()
