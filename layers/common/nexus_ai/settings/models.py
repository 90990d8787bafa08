"""What a tenant configures."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from nexus_ai.platform.schema import StoredModel, StoredPart, unknown_as


class ConnectionResult(StoredModel):
    """How the last test of a provider's key and model ended: `code` is "ok", or what was wrong."""

    code: str
    model: str
    latency_ms: int
    at_ms: int


class ProviderConfig(StoredModel):
    """A provider as the tenant set it up. The key is KMS ciphertext, bound to tenant and provider.

    `key_last_four` and `key_fingerprint` (secrets.fingerprint) are for people to tell keys apart. Which provider is the
    default is an item of its own, so that there is never more than one.
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
    ORDERED = "ordered"
    WEIGHTED = "weighted"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"


class FallbackStep(StoredPart):
    """A provider in an order of fallback; its configured model where `model` is None."""

    provider: str
    model: str | None = None
    weight: int = 1


class FallbackOrder(StoredModel):
    """The order of fallback of a module. By an unknown strategy the steps are taken as they stand."""

    strategy: Annotated[Strategy, unknown_as(Strategy.ORDERED)] = Strategy.ORDERED
    steps: tuple[FallbackStep, ...]


class AuditContent(StrEnum):
    """How much of prompts and answers is kept, in the audit and in the cache alike."""

    FULL = "full"
    REDACTED = "redacted"
    NONE = "none"


class ModelPrice(StoredPart):
    """US dollars per million tokens, as the tenant entered them for a model that the price list does not know.

    `context_tokens` is the most that the model takes in and gives together; None where the tenant did not say.
    """

    input_per_million: Decimal
    output_per_million: Decimal
    context_tokens: int | None = None


class MailLanguage(StrEnum):
    PT_BR = "pt-BR"
    EN = "en"


class Preferences(StoredModel):
    """`allowed_providers` None allows all. A provider of which any model is in `allowed_models` ("openai/gpt-9") may be
    asked for those alone, one of which none is there for all.

    By an unknown choice of what is kept, nothing is kept: a newer version may have named a stricter one.
    """

    cache_ttl_days: int = 7
    audit_content: Annotated[AuditContent, unknown_as(AuditContent.NONE)] = AuditContent.FULL
    mail_language: Annotated[MailLanguage, unknown_as(MailLanguage.PT_BR)] = MailLanguage.PT_BR
    allowed_providers: tuple[str, ...] | None = None
    allowed_models: tuple[str, ...] | None = None
    # A copy of the zone that rules the limits, for the days of statistics; None is the deployment's default.
    time_zone: str | None = None
    # By provider and model, as "openai/gpt-9".
    prices: Mapping[str, ModelPrice] = {}

    def allows(self, provider: str, model: str) -> bool:
        if self.allowed_providers is not None and provider not in self.allowed_providers:
            return False
        named = [name for name in self.allowed_models or () if name.startswith(f"{provider}/")]
        return not named or f"{provider}/{model}" in named


class AlertSettings(StoredModel):
    """At which percentages of a limit a mail goes out, and to whom."""

    thresholds: tuple[int, ...] = (80,)
    emails: tuple[str, ...] = ()


class StopReason(StrEnum):
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


class StoppedEmail(StoredModel):
    """An address that gets no mail any more: it does not exist, or its owner called our mail unwanted.

    An unknown reason stops it as well, and is shown as a complaint: nobody may take it for an address to try again.
    """

    address: str
    reason: Annotated[StopReason, unknown_as(StopReason.COMPLAINT)]
    at_ms: int


class Circuit(StoredModel):
    """What is remembered of a provider's model: failures in a row, until when nobody tries it, and how fast it was."""

    failures: int = 0
    open_until_ms: int = 0
    probed_by: str | None = None
    latency_ms: int | None = None


# The module for which an order of fallback holds that has none of its own.
ANY_MODULE = "*"


def orders_of(orders: Mapping[str, FallbackOrder], providers: Collection[str]) -> dict[str, FallbackOrder]:
    """Return the orders without steps of other providers, and without orders in which none is left."""
    kept = {
        module: order.model_copy(update={"steps": tuple(step for step in order.steps if step.provider in providers)})
        for module, order in orders.items()
    }
    return {module: order for module, order in kept.items() if order.steps}


class TenantSettings(BaseModel):
    """All that a tenant configured, as one Query gives it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    providers: Mapping[str, ProviderConfig] = {}
    fallbacks: Mapping[str, FallbackOrder] = {}
    preferences: Preferences = Preferences()
    alerts: AlertSettings = AlertSettings()
    # By their addresses in lower case.
    stopped_emails: Mapping[str, StoppedEmail] = {}
    circuits: Mapping[tuple[str, str], Circuit] = {}

    def of_providers(self, known: Collection[str]) -> "TenantSettings":
        """Return the settings without other providers and without orders in which none is left."""
        steps = (step for order in self.fallbacks.values() for step in order.steps)
        if all(name in known for name in self.providers) and all(step.provider in known for step in steps):
            return self
        providers = {name: config for name, config in self.providers.items() if name in known}
        return self.model_copy(update={"providers": providers, "fallbacks": orders_of(self.fallbacks, known)})

    def fallback(self, module: str) -> FallbackOrder:
        """The order for a module, else the tenant's general one, else the configured providers as they stand."""
        order = self.fallbacks.get(module) or self.fallbacks.get(ANY_MODULE)
        return order or FallbackOrder(steps=tuple(FallbackStep(provider=name) for name in self.providers))

    @property
    def alert_emails(self) -> tuple[str, ...]:
        """The addresses for alerts that mails go to."""
        return tuple(email for email in self.alerts.emails if email.lower() not in self.stopped_emails)
