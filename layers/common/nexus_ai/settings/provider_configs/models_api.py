"""List the models that a tenant's API key can use, with their context window and price."""

from nexus_ai.gateway import prices
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import SETTLE_S, SystemClock
from nexus_ai.platform.errors import ProviderFailed, ProviderNotConfigured
from nexus_ai.platform.schema import Dollars, ResponseModel
from nexus_ai.providers import pricing
from nexus_ai.providers.base import OfferedModel, ProviderFailure, ProviderName
from nexus_ai.providers.registry import get_provider
from nexus_ai.settings.key_ring import key_ring
from nexus_ai.settings.models import TenantSettings
from nexus_ai.settings.provider_configs.connection_results import CODES, TIMEOUT_S
from nexus_ai.settings.service import settings_service


class ModelView(ResponseModel):
    """Model of a provider.

    `inputPerMillionUsd` and `outputPerMillionUsd` are the prices that requests are charged with. They come from the
    price list, or from the tenant's preferences if `ownPrice` is true. null means unknown.
    """

    model: str
    context_tokens: int | None
    input_per_million_usd: Dollars | None
    output_per_million_usd: Dollars | None
    own_price: bool
    allowed: bool


class ModelList(ResponseModel):
    """Models that the saved API key can use, sorted by name."""

    items: tuple[ModelView, ...]
    next_cursor: None = None


def list_models(caller: Caller, provider: ProviderName) -> ModelList:
    """Return the models that the provider lists for the saved API key.

    Raises:
        ProviderNotConfigured: The provider has no saved key.
        ProviderFailed: The provider did not list its models.
        KeyUnreadable: The saved key cannot be decrypted.
        KeyServiceUnavailable: KMS cannot be reached.
        StoreUnavailable: The store cannot be reached.
    """
    settings = settings_service().current(caller)
    config = settings.providers.get(provider)
    if config is None:
        raise ProviderNotConfigured(
            f"The provider {provider.value!r} has no saved API key. Save a key to list its models."
        )
    api_key = key_ring().api_key(caller.tenant_id, config)
    remaining_s = caller.deadline.remaining_s(SystemClock()) - SETTLE_S
    try:
        models = get_provider(provider).list_models(api_key=api_key, timeout_s=max(0.5, min(TIMEOUT_S, remaining_s)))
    except ProviderFailure as failure:
        raise ProviderFailed(extra={"reason": CODES[failure.kind].value}) from None
    by_name = {model.id: model for model in models}
    return ModelList(items=tuple(_view(settings, provider, by_name[name]) for name in sorted(by_name)))


def _view(settings: TenantSettings, provider: ProviderName, model: OfferedModel) -> ModelView:
    listed = pricing.per_million(provider, model.id)
    own = None if listed else settings.preferences.prices.get(f"{provider}/{model.id}")
    dollars = (own.input_per_million, own.output_per_million) if own else listed
    context = own.context_tokens if own else None
    return ModelView(
        model=model.id,
        context_tokens=context or model.context_tokens or prices.context_window(settings, provider, model.id),
        input_per_million_usd=dollars[0] if dollars else None,
        output_per_million_usd=dollars[1] if dollars else None,
        own_price=own is not None,
        allowed=settings.preferences.allows(provider, model.id),
    )
