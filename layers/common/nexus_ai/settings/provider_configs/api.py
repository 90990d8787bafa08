"""Provider configurations as they are told, and removed: a key comes out to nobody."""

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
    provider: ProviderName


class LastTestView(ResponseModel):
    success: bool
    code: ConnectionCode
    model: str
    latency_ms: int
    at: str


class ProviderConfigView(ResponseModel):
    """A configuration without its key, of which its end and a fingerprint are told for people to tell keys apart.

    `api_key` is a mask, which may be sent back. `last_test` is null where this key was never tried.
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
    items: tuple[ProviderConfigView, ...]
    next_cursor: None = None


class ProviderRemoved(ResponseModel):
    provider: str
    deleted: Literal[True] = True


def list_configs(caller: Caller) -> ProviderConfigList:
    """Return the tenant's providers as they stand at this moment, those that this version knows.

    Raises StoreUnavailable.
    """
    configs = settings_service().current(caller).providers
    return ProviderConfigList(items=tuple(view(configs[name]) for name in ProviderName if name in configs))


def delete_config(caller: Caller, provider: ProviderName) -> ProviderRemoved:
    """Removes key and model; the orders of fallback go on without the provider. Raises NotFound."""
    settings_service().delete_provider(caller, provider)
    return ProviderRemoved(provider=provider)


def view(config: ProviderConfig) -> ProviderConfigView:
    """What is told of a configuration."""
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
    """Return None for a result that this version has no code for, as if the key was never tried."""
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
