"""Define the models of a tenant's settings."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from nexus_ai.platform.schema import StoredModel, StoredPart, unknown_as


class ConnectionResult(StoredModel):
    """Result of the last connection test. `code` is "ok" or a reason (ConnectionCode)."""

    code: str
    model: str
    latency_ms: int
    at_ms: int


class ProviderConfig(StoredModel):
    """Provider config of a tenant. The key is KMS ciphertext, bound to tenant and provider.

    `key_last_four` and `key_fingerprint` (key_ring.fingerprint) let people distinguish keys. The default provider is
    stored in a separate item, so that there is never more than one default.
    """

    provider: str
    model: str
    enabled: bool = True
    is_default: bool = False
    key_ciphertext: bytes
    key_last_four: str
    key_fingerprint: str
    updated_at_ms: int
    last_test: ConnectionResult | None = None


class Strategy(StrEnum):
    """Rule that sorts the providers of a fallback order for each request."""

    ORDERED = "ordered"
    WEIGHTED = "weighted"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"


class FallbackStep(StoredPart):
    """Provider in a fallback order. `model` None means its configured model."""

    provider: str
    model: str | None = None
    weight: int = 1


class FallbackOrder(StoredModel):
    """Fallback order of a module. An unknown strategy counts as `ordered`."""

    strategy: Annotated[Strategy, unknown_as(Strategy.ORDERED)] = Strategy.ORDERED
    steps: tuple[FallbackStep, ...]


class AuditContent(StrEnum):
    """Content policy: the part of prompts and completions that audit log and cache may store."""

    FULL = "full"
    REDACTED = "redacted"
    NONE = "none"


class ModelPrice(StoredPart):
    """Price that the tenant entered for a model without a listed price, in US dollars per million tokens.

    `context_tokens` is the maximum of input and output tokens together; None if the tenant did not enter it.
    """

    input_per_million: Decimal
    output_per_million: Decimal
    context_tokens: int | None = None


class MailLanguage(StrEnum):
    """Language of alert e-mails."""

    PT_BR = "pt-BR"
    EN = "en"


class Preferences(StoredModel):
    """Preferences of a tenant.

    `allowed_providers` None allows every provider. If `allowed_models` ("openai/gpt-9") has models of a provider, only
    those are allowed; otherwise all models of the provider are. An unknown `audit_content` counts as `none`, because a
    newer version may have a stricter choice.
    """

    cache_ttl_days: int = 7
    audit_content: Annotated[AuditContent, unknown_as(AuditContent.NONE)] = AuditContent.FULL
    mail_language: Annotated[MailLanguage, unknown_as(MailLanguage.PT_BR)] = MailLanguage.PT_BR
    allowed_providers: tuple[str, ...] | None = None
    allowed_models: tuple[str, ...] | None = None
    # Copy of the limits' time zone, for the days of statistics. None means the deployment's default.
    time_zone: str | None = None
    # Keys are provider and model: "openai/gpt-9".
    prices: Mapping[str, ModelPrice] = {}

    def allows(self, provider: str, model: str) -> bool:
        """Return True if the tenant allows this model of this provider."""
        if self.allowed_providers is not None and provider not in self.allowed_providers:
            return False
        named = [name for name in self.allowed_models or () if name.startswith(f"{provider}/")]
        return not named or f"{provider}/{model}" in named


class AlertSettings(StoredModel):
    """Percentages of a limit that trigger an e-mail, and its recipients."""

    thresholds: tuple[int, ...] = (80,)
    emails: tuple[str, ...] = ()


class StopReason(StrEnum):
    """Reason why an address receives no e-mails any more."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


class StoppedEmail(StoredModel):
    """Address that receives no e-mails any more, because they bounced or the recipient complained.

    An unknown reason counts as a complaint, so that the address is not tried again by mistake.
    """

    address: str
    reason: Annotated[StopReason, unknown_as(StopReason.COMPLAINT)]
    at_ms: int


class Circuit(StoredModel):
    """Circuit breaker state of a provider's model: consecutive failures, end of the pause, and mean latency."""

    failures: int = 0
    open_until_ms: int = 0
    probed_by: str | None = None
    latency_ms: int | None = None


# Key of the fallback order for modules without an order.
ANY_MODULE = "*"


def orders_of(orders: Mapping[str, FallbackOrder], providers: Collection[str]) -> dict[str, FallbackOrder]:
    """Return the orders with steps of these providers only, without orders that have no step left."""
    filtered = {
        module: order.model_copy(update={"steps": tuple(step for step in order.steps if step.provider in providers)})
        for module, order in orders.items()
    }
    return {module: order for module, order in filtered.items() if order.steps}


class TenantSettings(BaseModel):
    """All settings of a tenant, as read by one Query."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    providers: Mapping[str, ProviderConfig] = {}
    fallbacks: Mapping[str, FallbackOrder] = {}
    preferences: Preferences = Preferences()
    alerts: AlertSettings = AlertSettings()
    # Keys are the addresses in lower case.
    stopped_emails: Mapping[str, StoppedEmail] = {}
    circuits: Mapping[tuple[str, str], Circuit] = {}

    def of_providers(self, known: Collection[str]) -> "TenantSettings":
        """Return the settings with these providers only, without orders that have no step left."""
        steps = (step for order in self.fallbacks.values() for step in order.steps)
        if all(name in known for name in self.providers) and all(step.provider in known for step in steps):
            return self
        providers = {name: config for name, config in self.providers.items() if name in known}
        return self.model_copy(update={"providers": providers, "fallbacks": orders_of(self.fallbacks, known)})

    def fallback(self, module: str) -> FallbackOrder:
        """Return the order of a module, or else the tenant's general order, or else all configured providers."""
        order = self.fallbacks.get(module) or self.fallbacks.get(ANY_MODULE)
        return order or FallbackOrder(steps=tuple(FallbackStep(provider=name) for name in self.providers))

    @property
    def alert_emails(self) -> tuple[str, ...]:
        """Alert addresses that have not been stopped."""
        return tuple(email for email in self.alerts.emails if email.lower() not in self.stopped_emails)
