"""What a company prefers: how long answers are kept, what of them, in which language it is written to, which providers
and models it allows, and what models cost that the price list does not know."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nexus_ai.administration.refusals import refused_all
from nexus_ai.core.caller import Caller
from nexus_ai.core.wire import Dollars, RequestModel, ResponseModel, number_up_to
from nexus_ai.providers import pricing
from nexus_ai.providers.base import ModelId, ProviderName
from nexus_ai.tenants.models import AuditContent, MailLanguage, ModelPrice, Preferences
from nexus_ai.tenants.service import tenant_service

# Far above any price, and far below where a reservation would leave what the store can hold.
PRICE_MAX = 100_000
PerMillion = Annotated[Decimal, Field(ge=0, le=PRICE_MAX, decimal_places=6), number_up_to(PRICE_MAX)]


class NamedModel(RequestModel):
    provider: ProviderName
    model: ModelId

    @property
    def key(self) -> str:
        return f"{self.provider}/{self.model}"


class PricedModel(NamedModel):
    """US dollars per million tokens, and the tokens that the model takes in and gives together, where that is known."""

    input_per_million_usd: PerMillion
    output_per_million_usd: PerMillion
    context_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None


class PreferencesRequest(RequestModel):
    """Changes what it names and leaves the rest. Lists are replaced whole; null allows every provider, every model."""

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
            raise PydanticCustomError("named_twice", "names a model twice")
        return models

    @field_validator("allowed_providers")
    @classmethod
    def _names_providers_once(cls, providers: tuple[ProviderName, ...] | None) -> tuple[ProviderName, ...] | None:
        if providers is not None and len(set(providers)) != len(providers):
            raise PydanticCustomError("named_twice", "names a provider twice")
        return providers


class AllowedModelView(ResponseModel):
    provider: str
    model: str


class PriceView(ResponseModel):
    provider: str
    model: str
    input_per_million_usd: Dollars
    output_per_million_usd: Dollars
    context_tokens: int | None


class PreferencesView(ResponseModel):
    """`allowed_models` restricts the providers that it names; one that it does not name may be asked for any model."""

    cache_ttl_days: int
    audit_content: AuditContent
    mail_language: MailLanguage
    allowed_providers: tuple[str, ...] | None
    allowed_models: tuple[AllowedModelView, ...] | None
    prices: tuple[PriceView, ...]


def read(caller: Caller) -> PreferencesView:
    """The preferences as they stand at this moment; raises StoreUnavailable."""
    return _view(tenant_service().current(caller).preferences)


def change(caller: Caller, request: PreferencesRequest) -> PreferencesView:
    """Binds within 30 seconds; raises ValidationFailed, and StoreUnavailable: the request may then be sent again."""
    _refuse_prices_that_are_known(caller, request)
    changes = _changes(request)
    if changes:
        tenant_service().change_preferences(caller, changes)
    return read(caller)


def _refuse_prices_that_are_known(caller: Caller, request: PreferencesRequest) -> None:
    """One that the list has learnt since it was saved may stay in the company's own, where it no longer counts."""
    known = [i for i, model in enumerate(request.prices) if pricing.per_million(model.provider, model.model)]
    if not known:
        return
    saved = tenant_service().current(caller).preferences.prices
    message = "the price list has this model, and is what counts"
    new = [(f"prices.{i}.model", message, "price_known") for i in known if request.prices[i].key not in saved]
    if new:
        raise refused_all(new)


def _changes(request: PreferencesRequest) -> dict[str, Any]:
    """The named fields, as the store has them."""
    changes: dict[str, Any] = request.model_dump(include=request.model_fields_set - {"allowed_models", "prices"})
    if "allowed_models" in request.model_fields_set:
        allowed = request.allowed_models
        changes["allowed_models"] = None if allowed is None else [model.key for model in allowed]
    if "prices" in request.model_fields_set:
        changes["prices"] = {model.key: _price(model).model_dump() for model in request.prices}
    return changes


def _price(model: PricedModel) -> ModelPrice:
    return ModelPrice(
        input_per_million=model.input_per_million_usd,
        output_per_million=model.output_per_million_usd,
        context_tokens=model.context_tokens,
    )


def _view(preferences: Preferences) -> PreferencesView:
    allowed = preferences.allowed_models
    return PreferencesView(
        cache_ttl_days=preferences.cache_ttl_days,
        audit_content=preferences.audit_content,
        mail_language=preferences.mail_language,
        allowed_providers=preferences.allowed_providers,
        allowed_models=None if allowed is None else tuple(_allowed(key) for key in allowed),
        prices=tuple(_price_view(key, preferences.prices[key]) for key in sorted(preferences.prices)),
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
