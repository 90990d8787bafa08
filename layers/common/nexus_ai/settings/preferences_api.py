"""Read and change a tenant's preferences.

They are the cache lifetime, the content policy, the e-mail language, allowed providers and models, and model prices.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nexus_ai.platform.caller import Caller
from nexus_ai.platform.field_errors import FieldProblem, field_errors
from nexus_ai.platform.schema import Dollars, RequestModel, ResponseModel, number_up_to
from nexus_ai.providers import pricing
from nexus_ai.providers.base import ModelId, ProviderName
from nexus_ai.settings.models import AuditContent, MailLanguage, ModelPrice, Preferences
from nexus_ai.settings.service import settings_service

# Far above any real price, and low enough that a reservation always fits into a stored number.
PRICE_MAX = 100_000
_LISTS = frozenset({"allowed_providers", "allowed_models", "prices"})
PerMillion = Annotated[Decimal, Field(ge=0, le=PRICE_MAX, decimal_places=6), number_up_to(PRICE_MAX)]


class NamedModel(RequestModel):
    """Model of a provider."""

    provider: ProviderName
    model: ModelId

    @property
    def key(self) -> str:
        """Stored name of the model: "openai/gpt-9"."""
        return f"{self.provider}/{self.model}"


class PricedModel(NamedModel):
    """Price of a model in US dollars per million tokens.

    `contextTokens` is the maximum of input and output tokens together; null if unknown.
    """

    input_per_million_usd: PerMillion
    output_per_million_usd: PerMillion
    context_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None


class PreferencesRequest(RequestModel):
    """Preferences to change.

    Fields that you leave out keep their value. A list replaces the saved list. null for `allowedProviders` or
    `allowedModels` allows all.
    """

    cache_ttl_days: Annotated[int, Field(ge=0, le=30)] = 7
    audit_content: AuditContent = AuditContent.FULL
    mail_language: MailLanguage = MailLanguage.PT_BR
    allowed_providers: Annotated[tuple[ProviderName, ...], Field(min_length=1, max_length=20)] | None = None
    allowed_models: Annotated[tuple[NamedModel, ...], Field(min_length=1, max_length=200)] | None = None
    prices: Annotated[tuple[PricedModel, ...], Field(max_length=200)] = ()

    @field_validator("allowed_models", "prices")
    @classmethod
    def _names_each_once(cls, models: tuple[NamedModel, ...] | None) -> tuple[NamedModel, ...] | None:
        keys = [model.key for model in models or ()]
        if len(set(keys)) != len(keys):
            raise PydanticCustomError("named_twice", "must not contain the same model twice")
        return models

    @field_validator("allowed_providers")
    @classmethod
    def _names_providers_once(cls, providers: tuple[ProviderName, ...] | None) -> tuple[ProviderName, ...] | None:
        if providers is not None and len(set(providers)) != len(providers):
            raise PydanticCustomError("named_twice", "must not contain the same provider twice")
        return providers


class AllowedModelView(ResponseModel):
    """Model that the tenant allows."""

    provider: str
    model: str


class PriceView(ResponseModel):
    """Price of a model that the tenant entered, in US dollars per million tokens."""

    provider: str
    model: str
    input_per_million_usd: Dollars
    output_per_million_usd: Dollars
    context_tokens: int | None


class PreferencesView(ResponseModel):
    """Preferences of the tenant.

    null for `allowedProviders` or `allowedModels` allows all. `allowedModels` restricts only the providers that it has
    models of.
    """

    cache_ttl_days: int
    audit_content: AuditContent
    mail_language: MailLanguage
    allowed_providers: tuple[str, ...] | None
    allowed_models: tuple[AllowedModelView, ...] | None
    prices: tuple[PriceView, ...]


def get_preferences(caller: Caller) -> PreferencesView:
    """Return the current preferences, without entries for providers that only a newer version knows.

    If only such providers are allowed, `allowed_providers` is empty: this version may use none.

    Raises:
        StoreUnavailable: The store cannot be reached.
    """
    return _view(settings_service().current(caller).preferences)


def put_preferences(caller: Caller, request: PreferencesRequest) -> PreferencesView:
    """Change preferences. Changes apply within 30 seconds.

    A list replaces the saved one. Only its entries for providers that a newer version knows are kept. null for
    `allowed_providers` allows these providers as well.

    Raises:
        ValidationFailed: A price is for a model that the price list has.
        StoreUnavailable: The store cannot be reached. The same request can be sent again.
    """
    before = _before(caller, request)
    _require_unlisted_prices(request, before)
    changes = _changes(request, before)
    if changes:
        settings_service().change_preferences(caller, changes)
    return get_preferences(caller)


def _before(caller: Caller, request: PreferencesRequest) -> Preferences:
    """Return the current preferences if the request replaces a list of them, or else the defaults."""
    return settings_service().current(caller).preferences if request.model_fields_set & _LISTS else Preferences()


def _require_unlisted_prices(request: PreferencesRequest, before: Preferences) -> None:
    """Raise ValidationFailed for a new price of a model that the price list has.

    A saved price may stay if the price list got the model later. It is then ignored.
    """
    known = [i for i, model in enumerate(request.prices) if pricing.per_million(model.provider, model.model)]
    message = "is in the price list, whose price always applies"
    new = [
        FieldProblem(f"prices.{i}.model", message, "price_known")
        for i in known
        if request.prices[i].key not in before.prices
    ]
    if new:
        raise field_errors(new)


def _changes(request: PreferencesRequest, before: Preferences) -> dict[str, Any]:
    """Return the fields of the request as they are stored."""
    named = request.model_fields_set
    changes: dict[str, Any] = request.model_dump(include=named - _LISTS)
    if "allowed_providers" in named:
        unknown = [name for name in before.allowed_providers or () if not _is_known(name)]
        providers = request.allowed_providers
        changes["allowed_providers"] = None if providers is None else [*providers, *unknown]
    if "allowed_models" in named:
        unknown = [key for key in before.allowed_models or () if not _is_known(key)]
        changes["allowed_models"] = [*(model.key for model in request.allowed_models or ()), *unknown] or None
    if "prices" in named:
        unknown_prices = {key: price.model_dump() for key, price in before.prices.items() if not _is_known(key)}
        changes["prices"] = {model.key: _price(model).model_dump() for model in request.prices} | unknown_prices
    return changes


def _is_known(name: str) -> bool:
    """Return True if this version knows a provider, or the provider of a model ("openai/gpt-9")."""
    return name.partition("/")[0] in ProviderName


def _price(model: PricedModel) -> ModelPrice:
    return ModelPrice(
        input_per_million=model.input_per_million_usd,
        output_per_million=model.output_per_million_usd,
        context_tokens=model.context_tokens,
    )


def _view(preferences: Preferences) -> PreferencesView:
    providers = preferences.allowed_providers
    models = [key for key in preferences.allowed_models or () if _is_known(key)]
    return PreferencesView(
        cache_ttl_days=preferences.cache_ttl_days,
        audit_content=preferences.audit_content,
        mail_language=preferences.mail_language,
        allowed_providers=None if providers is None else tuple(filter(_is_known, providers)),
        allowed_models=tuple(_allowed(key) for key in models) or None,
        prices=tuple(_price_view(key, price) for key, price in sorted(preferences.prices.items()) if _is_known(key)),
    )


def _allowed(key: str) -> AllowedModelView:
    provider, _, model = key.partition("/")
    return AllowedModelView(provider=provider, model=model)


def _price_view(key: str, price: ModelPrice) -> PriceView:
    provider, _, model = key.partition("/")
    return PriceView(
        provider=provider,
        model=model,
        input_per_million_usd=price.input_per_million,
        output_per_million_usd=price.output_per_million,
        context_tokens=price.context_tokens,
    )
