"""What a tenant configures."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ConnectionResult(BaseModel):
    """How the last test of a provider's key and model ended: `code` is "ok", or what was wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    model: str
    latency_ms: int
    at_ms: int


class ProviderConfig(BaseModel):
    """A provider as the tenant set it up. The key is KMS ciphertext, bound to tenant and provider.

    `key_last_four` and `key_fingerprint` (secrets.fingerprint) are for people to tell keys apart. Which provider is the
    default is an item of its own, so that there is never more than one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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


class FallbackStep(BaseModel):
    """A provider in an order of fallback; its configured model where `model` is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str | None = None
    weight: int = Field(default=1, ge=0, le=1000)


class FallbackOrder(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: Strategy = Strategy.ORDERED
    steps: tuple[FallbackStep, ...]


class AuditContent(StrEnum):
    """How much of prompts and answers is kept, in the audit and in the cache alike."""

    FULL = "full"
    REDACTED = "redacted"
    NONE = "none"


class ModelPrice(BaseModel):
    """US dollars per million tokens, as the tenant entered them for a model that the price list does not know.

    `context_tokens` is the most that the model takes in and gives together; None where the tenant did not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_per_million: Decimal = Field(ge=0)
    output_per_million: Decimal = Field(ge=0)
    context_tokens: int | None = Field(default=None, ge=1)


class MailLanguage(StrEnum):
    PT_BR = "pt-BR"
    EN = "en"


class Preferences(BaseModel):
    """`allowed_providers` None allows all. A provider of which any model is in `allowed_models` ("openai/gpt-9") may be
    asked for those alone, one of which none is there for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_ttl_days: int = Field(default=7, ge=0, le=30)
    audit_content: AuditContent = AuditContent.FULL
    mail_language: MailLanguage = MailLanguage.PT_BR
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


class AlertSettings(BaseModel):
    """At which percentages of a limit a mail goes out, and to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    thresholds: tuple[int, ...] = (80,)
    emails: tuple[str, ...] = ()


class StopReason(StrEnum):
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


class StoppedEmail(BaseModel):
    """An address that no mail goes to any more: it does not exist, or its owner called our mail unwanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    reason: StopReason
    at_ms: int


class Circuit(BaseModel):
    """What is remembered of a provider's model: failures in a row, until when nobody tries it, and how fast it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failures: int = 0
    open_until_ms: int = 0
    probed_by: str | None = None
    latency_ms: int | None = None


# The module for which an order of fallback holds that has none of its own.
ANY_MODULE = "*"


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

    def fallback(self, module: str) -> FallbackOrder:
        """The order for a module, else the tenant's general one, else the configured providers as they stand."""
        order = self.fallbacks.get(module) or self.fallbacks.get(ANY_MODULE)
        return order or FallbackOrder(steps=tuple(FallbackStep(provider=name) for name in self.providers))

    @property
    def told_emails(self) -> tuple[str, ...]:
        """The addresses for alerts that mails go to."""
        return tuple(email for email in self.alerts.emails if email.lower() not in self.stopped_emails)
