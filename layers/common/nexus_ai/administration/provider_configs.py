"""Provider configurations: a key goes in, is tested, and comes out to nobody."""

from typing import Literal

from pydantic import Field

from nexus_ai.administration.api_keys import ApiKey, mask, new_key, no_key
from nexus_ai.administration.connection_codes import ConnectionCode
from nexus_ai.administration.refusals import refused
from nexus_ai.core.caller import Caller
from nexus_ai.core.clock import iso
from nexus_ai.core.errors import ProviderNotConfigured, ProviderTestFailed
from nexus_ai.core.wire import ParameterModel, RequestModel, ResponseModel
from nexus_ai.gateway.composition import gateway
from nexus_ai.providers.base import ModelId, ProviderName
from nexus_ai.tenants.models import ConnectionResult, ProviderConfig
from nexus_ai.tenants.secrets import key_ring
from nexus_ai.tenants.service import tenant_service

_REASONS = {
    ConnectionCode.INVALID_KEY: "The provider does not know this key",
    ConnectionCode.NO_CREDIT: "The account of this key has no credit",
    ConnectionCode.NO_PERMISSION: "This key may not use the model",
    ConnectionCode.MODEL_NOT_FOUND: "The provider has no such model for this key",
    ConnectionCode.RATE_LIMITED: "The provider takes no more calls of this key at the moment",
    ConnectionCode.REFUSED: "The provider refuses a plain question to this model",
    ConnectionCode.UNREACHABLE: "The provider gave no usable answer in time",
}
_OF_MODEL = frozenset({ConnectionCode.MODEL_NOT_FOUND, ConnectionCode.REFUSED})


class ProviderPath(ParameterModel):
    provider: ProviderName


class ProviderConfigRequest(RequestModel):
    """What is not named stays as it is; the first time a key and a model are needed, and `enabled` is true.

    The mask of the saved key means that key. A key or model that is new is tried with a real call first, unless
    `validate` is false.
    """

    api_key: ApiKey = Field(default_factory=no_key)
    model: ModelId = Field(default_factory=str)
    enabled: bool = True
    is_default: bool = False
    validate_first: bool = Field(default=True, alias="validate")


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


class ConnectionTestRequest(RequestModel):
    """A key that is submitted, else the saved one; a model, else the configured one."""

    provider: ProviderName
    api_key: ApiKey = Field(default_factory=no_key)
    model: ModelId = Field(default_factory=str)


class ConnectionTestView(ResponseModel):
    success: bool
    code: ConnectionCode
    latency_ms: int
    model: str


def every(caller: Caller) -> ProviderConfigList:
    """The company's providers as they stand at this moment; raises StoreUnavailable."""
    configs = tenant_service().current(caller).providers
    return ProviderConfigList(items=tuple(_view(configs[name]) for name in ProviderName if name in configs))


def save(caller: Caller, provider: ProviderName, request: ProviderConfigRequest) -> ProviderConfigView:
    """Tries what is new of key and model, and saves the configuration; what fails its test changes nothing.

    Raises ProviderTestFailed, ValidationFailed, LimitExceeded, KeyServiceUnavailable and StoreUnavailable.
    """
    named = request.model_fields_set
    saved = tenant_service().provider(caller, provider)
    api_key = new_key(request.api_key, saved)
    model = request.model or None
    if saved is None and (api_key is None or model is None):
        field = "apiKey" if api_key is None else "model"
        raise refused(field, "The provider is not configured yet, and needs it", "missing")
    changes = api_key is not None or (saved is not None and model not in {None, saved.model})
    tested = _proven(caller, provider, model, api_key, saved) if request.validate_first and changes else None
    config = tenant_service().save_provider(
        caller,
        provider=provider,
        model=model,
        api_key=api_key,
        enabled=request.enabled if "enabled" in named else None,
        is_default=request.is_default if "is_default" in named else None,
        tested=tested,
    )
    if tested:
        # Failures of the key before it say nothing of this one, and what was told of that key is over.
        gateway().circuits.answered(caller, tenant_service().settings(caller), provider, tested.model)
        gateway().watch.recovered(caller.tenant_id, provider, tested.model)
    return _view(config)


def remove(caller: Caller, provider: ProviderName) -> ProviderRemoved:
    """Removes key and model; the orders of fallback go on without the provider. Raises NotFound."""
    tenant_service().delete_provider(caller, provider)
    return ProviderRemoved(provider=provider)


def test(caller: Caller, request: ConnectionTestRequest) -> ConnectionTestView:
    """Tries a key and says how it went; of a saved key, the configuration keeps how.

    Raises ProviderNotConfigured, ValidationFailed, LimitExceeded, KeyServiceUnavailable and StoreUnavailable.
    """
    saved = tenant_service().provider(caller, request.provider)
    api_key = new_key(request.api_key, saved)
    if saved is None and api_key is None:
        raise ProviderNotConfigured(f"The provider {request.provider.value!r} has no key that could be tested.")
    if saved is None and not request.model:
        raise refused("model", "The provider is not configured yet, and needs it", "missing")
    result = _try(caller, request.provider, request.model or None, api_key, saved)
    if saved is not None and api_key is None:
        tenant_service().note_test(caller, saved, result)
    code = ConnectionCode(result.code)
    return ConnectionTestView(
        success=code is ConnectionCode.OK, code=code, latency_ms=result.latency_ms, model=result.model
    )


def _try(
    caller: Caller, provider: ProviderName, model: str | None, api_key: str | None, saved: ProviderConfig | None
) -> ConnectionResult:
    """Tries what is given, and what is saved where nothing is; raises LookupError where neither is there."""
    if saved is not None:
        model = model or saved.model
        api_key = api_key or key_ring().api_key(caller.tenant_id, saved)
    if model is None or api_key is None:
        raise LookupError(f"{provider} has no key or no model")
    # A list of what is configured, which shares this module, is to start without the pipeline.
    from nexus_ai.administration.connection_test import try_connection  # noqa: PLC0415

    return try_connection(caller, provider, model, api_key)


def _proven(
    caller: Caller, provider: ProviderName, model: str | None, api_key: str | None, saved: ProviderConfig | None
) -> ConnectionResult:
    """The result of a test that went well; raises ProviderTestFailed."""
    result = _try(caller, provider, model, api_key, saved)
    code = ConnectionCode(result.code)
    if code is not ConnectionCode.OK:
        error = {"field": "model" if code in _OF_MODEL else "apiKey", "message": _REASONS[code], "type": code.value}
        raise ProviderTestFailed(f"{_REASONS[code]}.", extra={"reason": code.value, "errors": [error]})
    return result


def _view(config: ProviderConfig) -> ProviderConfigView:
    return ProviderConfigView(
        provider=config.provider,
        model=config.model,
        enabled=config.enabled,
        is_default=config.is_default,
        api_key=mask(config),
        key_last_four=config.key_last_four,
        fingerprint=config.key_fingerprint,
        updated_at=iso(config.updated_at_ms),
        last_test=_last_test(config.last_test) if config.last_test else None,
    )


def _last_test(result: ConnectionResult) -> LastTestView:
    code = ConnectionCode(result.code)
    return LastTestView(
        success=code is ConnectionCode.OK,
        code=code,
        model=result.model,
        latency_ms=result.latency_ms,
        at=iso(result.at_ms),
    )
