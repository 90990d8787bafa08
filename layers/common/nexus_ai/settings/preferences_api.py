"""What a company prefers: how long answers are kept, what of them, in which language it is written to, which providers
and models it allows, and what models cost that the price list does not know."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nexus_ai.platform.caller import Caller
from nexus_ai.platform.field_errors import field_errors
from nexus_ai.platform.schema import Dollars, RequestModel, ResponseModel, number_up_to
from nexus_ai.providers import pricing
from nexus_ai.providers.base import ModelId, ProviderName
from nexus_ai.settings.models import AuditContent, MailLanguage, ModelPrice, Preferences
from nexus_ai.settings.service import settings_service

# Far above any price, and far below where a reservation would leave what the store can hold.
PRICE_MAX = 100_000
_LISTS = frozenset({"allowed_providers", "allowed_models", "prices"})
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


def get_preferences(caller: Caller) -> PreferencesView:
    """Return the preferences as they stand at this moment; raises StoreUnavailable.

    Entries of a provider that this version does not know are passed over. Where no other provider is allowed, the list
    is empty: this version may ask none.
    """
    return _view(settings_service().current(caller).preferences)


def put_preferences(caller: Caller, request: PreferencesRequest) -> PreferencesView:
    """Change preferences, which binds within 30 seconds; raises ValidationFailed and StoreUnavailable.

    A list is replaced whole, except that entries of providers that this version does not know stay; only null for
    `allowed_providers` allows every one of them. After StoreUnavailable the request may be sent again.
    """
    before = _before(caller, request)
    _refuse_prices_that_are_known(request, before)
    changes = _changes(request, before)
    if changes:
        settings_service().change_preferences(caller, changes)
    return get_preferences(caller)


def _before(caller: Caller, request: PreferencesRequest) -> Preferences:
    """Return the preferences that stand, where the request replaces a list of them."""
    return settings_service().current(caller).preferences if request.model_fields_set & _LISTS else Preferences()


def _refuse_prices_that_are_known(request: PreferencesRequest, before: Preferences) -> None:
    """Raise ValidationFailed for a new price of a model that the price list has.

    A price that the list has learnt since it was saved may stay in the tenant's own, where it no longer counts.
    """
    known = [i for i, model in enumerate(request.prices) if pricing.per_million(model.provider, model.model)]
    message = "the price list has this model, and is what counts"
    new = [(f"prices.{i}.model", message, "price_known") for i in known if request.prices[i].key not in before.prices]
    if new:
        raise field_errors(new)


def _changes(request: PreferencesRequest, before: Preferences) -> dict[str, Any]:
    """Return the named fields, as the store has them."""
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
        kept = {key: price.model_dump() for key, price in before.prices.items() if not _is_known(key)}
        changes["prices"] = {model.key: _price(model).model_dump() for model in request.prices} | kept
    return changes


def _is_known(name: str) -> bool:
    """Say if this version knows a provider, or the provider of a model ("openai/gpt-9")."""
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
