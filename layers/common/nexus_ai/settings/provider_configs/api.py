"""List and delete provider configs. Responses never contain an API key."""

from typing import Literal

from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import iso
from nexus_ai.platform.schema import ParameterModel, ResponseModel
from nexus_ai.providers.base import ProviderName
from nexus_ai.settings.models import ConnectionResult, ProviderConfig
from nexus_ai.settings.provider_configs.api_key import mask
from nexus_ai.settings.provider_configs.connection_results import ConnectionCode
from nexus_ai.settings.service import settings_service


class ProviderPath(ParameterModel):
    """Path parameter `provider`."""

    provider: ProviderName


class LastTestView(ResponseModel):
    """Result of the last connection test."""

    success: bool
    code: ConnectionCode
    model: str
    latency_ms: int
    at: str


class ProviderConfigView(ResponseModel):
    """Provider config without its API key.

    `keyLastFour` and `fingerprint` let you distinguish keys. `apiKey` is a mask that you can send back to keep the
    saved key. `lastTest` is null if the key was never tested.
    """

    provider: str
    model: str
    enabled: bool
    is_default: bool
    api_key: str
    key_last_four: str
    fingerprint: str
    updated_at: str
    last_test: LastTestView | None


class ProviderConfigList(ResponseModel):
    """All provider configs of the tenant."""

    items: tuple[ProviderConfigView, ...]
    next_cursor: None = None


class ProviderRemoved(ResponseModel):
    """Confirmation that a provider config was deleted."""

    provider: str
    deleted: Literal[True] = True


def list_configs(caller: Caller) -> ProviderConfigList:
    """Return the tenant's current provider configs, without providers that only a newer version knows.

    Raises:
        StoreUnavailable: The store cannot be reached.
    """
    configs = settings_service().current(caller).providers
    return ProviderConfigList(items=tuple(view(configs[name]) for name in ProviderName if name in configs))


def delete_config(caller: Caller, provider: ProviderName) -> ProviderRemoved:
    """Delete a provider config. Fallback orders continue without the provider.

    Raises:
        NotFound: The provider is not configured.
    """
    settings_service().delete_provider(caller, provider)
    return ProviderRemoved(provider=provider)


def view(config: ProviderConfig) -> ProviderConfigView:
    """Return a provider config as the API shows it, without its key."""
    return ProviderConfigView(
        provider=config.provider,
        model=config.model,
        enabled=config.enabled,
        is_default=config.is_default,
        api_key=mask(config),
        key_last_four=config.key_last_four,
        fingerprint=config.key_fingerprint,
        updated_at=iso(config.updated_at_ms),
        last_test=_last_test(config.last_test),
    )


def _last_test(result: ConnectionResult | None) -> LastTestView | None:
    """Return the result of the last test. None if there was none or its code is unknown to this version."""
    if result is None or result.code not in ConnectionCode:
        return None
    code = ConnectionCode(result.code)
    return LastTestView(
        success=code is ConnectionCode.OK,
        code=code,
        model=result.model,
        latency_ms=result.latency_ms,
        at=iso(result.at_ms),
    )
