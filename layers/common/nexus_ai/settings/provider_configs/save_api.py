"""A key goes in, and is tested with a real call: what saves and what tries a provider's configuration."""

from pydantic import Field

from nexus_ai.gateway.composition import gateway
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.errors import ProviderNotConfigured, ProviderTestFailed
from nexus_ai.platform.field_errors import field_error
from nexus_ai.platform.schema import RequestModel, ResponseModel
from nexus_ai.providers.base import ModelId, ProviderName
from nexus_ai.settings.key_ring import key_ring
from nexus_ai.settings.models import ConnectionResult, ProviderConfig
from nexus_ai.settings.provider_configs.api import ProviderConfigView, view
from nexus_ai.settings.provider_configs.api_key import ApiKey, new_key, no_key
from nexus_ai.settings.provider_configs.connection_results import ConnectionCode
from nexus_ai.settings.provider_configs.connection_test import try_connection
from nexus_ai.settings.service import settings_service

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


def put_config(caller: Caller, provider: ProviderName, request: ProviderConfigRequest) -> ProviderConfigView:
    """Tries what is new of key and model, and saves the configuration; what fails its test changes nothing.

    Raises ProviderTestFailed, ValidationFailed, LimitExceeded, KeyServiceUnavailable and StoreUnavailable.
    """
    named = request.model_fields_set
    saved = settings_service().provider(caller, provider)
    api_key = new_key(request.api_key, saved)
    model = request.model or None
    if saved is None and (api_key is None or model is None):
        field = "apiKey" if api_key is None else "model"
        raise field_error(field, "The provider is not configured yet, and needs it", "missing")
    changes = api_key is not None or (saved is not None and model not in {None, saved.model})
    tested = _proven(caller, provider, model, api_key, saved) if request.validate_first and changes else None
    config = settings_service().save_provider(
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
        gateway().circuit_breaker.record_success(caller, settings_service().settings(caller), provider, tested.model)
        gateway().alert_detector.record_recovery(caller.tenant_id, provider, tested.model)
    return view(config)


def test_config(caller: Caller, request: ConnectionTestRequest) -> ConnectionTestView:
    """Tries a key and says how it went; of a saved key, the configuration keeps how.

    Raises ProviderNotConfigured, ValidationFailed, LimitExceeded, KeyServiceUnavailable and StoreUnavailable.
    """
    saved = settings_service().provider(caller, request.provider)
    api_key = new_key(request.api_key, saved)
    if saved is None and api_key is None:
        raise ProviderNotConfigured(f"The provider {request.provider.value!r} has no key that could be tested.")
    if saved is None and not request.model:
        raise field_error("model", "The provider is not configured yet, and needs it", "missing")
    result = _try(caller, request.provider, request.model or None, api_key, saved)
    if saved is not None and api_key is None:
        settings_service().save_test_result(caller, saved, result)
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
