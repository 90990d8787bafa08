"""Save and test provider configs. A new key or model is tested with a real request before it is saved."""

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
    ConnectionCode.INVALID_KEY: "The provider rejected this API key",
    ConnectionCode.NO_CREDIT: "The account of this API key has no credit left",
    ConnectionCode.NO_PERMISSION: "This API key has no permission to use the model",
    ConnectionCode.MODEL_NOT_FOUND: "The provider does not offer this model for this API key",
    ConnectionCode.RATE_LIMITED: "The provider's rate limit for this API key is reached, try again later",
    ConnectionCode.REFUSED: "The provider rejected a simple prompt to this model",
    ConnectionCode.UNREACHABLE: "The provider did not return a usable response in time",
}
_MODEL_ERRORS = frozenset({ConnectionCode.MODEL_NOT_FOUND, ConnectionCode.REFUSED})


class ProviderConfigRequest(RequestModel):
    """Provider config to save.

    Fields that you leave out keep their value. A new config requires `apiKey` and `model`, and is enabled by default.
    Send the mask of the saved key to keep that key. A new key or model is tested with a real request before it is
    saved, unless `validate` is false.
    """

    api_key: ApiKey = Field(default_factory=no_key)
    model: ModelId = Field(default_factory=str)
    enabled: bool = True
    is_default: bool = False
    validate_first: bool = Field(default=True, alias="validate")


class ConnectionTestRequest(RequestModel):
    """Key and model to test. Without `apiKey` or `model`, the saved value is tested."""

    provider: ProviderName
    api_key: ApiKey = Field(default_factory=no_key)
    model: ModelId = Field(default_factory=str)


class ConnectionTestView(ResponseModel):
    """Result of a connection test. `code` is `ok` or the reason of the failure."""

    success: bool
    code: ConnectionCode
    latency_ms: int
    model: str


def put_config(caller: Caller, provider: ProviderName, request: ProviderConfigRequest) -> ProviderConfigView:
    """Test a new key or model, and save the config if the test succeeds.

    Raises:
        ProviderTestFailed: The test failed. Nothing was saved.
        ValidationFailed: A new config has no key or no model, or the mask is of another key.
        LimitExceeded: The tenant has used up its tests of this hour.
        KeyUnreadable: The saved key cannot be decrypted.
        KeyServiceUnavailable: KMS cannot be reached.
        StoreUnavailable: The store cannot be reached.
    """
    named = request.model_fields_set
    saved = settings_service().provider(caller, provider)
    api_key = new_key(request.api_key, saved)
    model = request.model or None
    if saved is None and (api_key is None or model is None):
        field = "apiKey" if api_key is None else "model"
        raise field_error(field, "is required because this provider is not configured yet", "missing")
    changes = api_key is not None or (saved is not None and model not in {None, saved.model})
    tested = _require_success(caller, provider, model, api_key, saved) if request.validate_first and changes else None
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
        # Failures of the previous key do not count for the new one, and its alerts are over.
        gateway().circuit_breaker.record_success(caller, settings_service().settings(caller), provider, tested.model)
        gateway().alert_detector.record_recovery(caller.tenant_id, provider, tested.model)
    return view(config)


def test_config(caller: Caller, request: ConnectionTestRequest) -> ConnectionTestView:
    """Test a key and a model. If the saved key was tested, the result is saved with its config.

    Raises:
        ProviderNotConfigured: There is neither a saved key nor one in the request.
        ValidationFailed: The model is missing, or the mask is of another key.
        LimitExceeded: The tenant has used up its tests of this hour.
        KeyUnreadable: The saved key cannot be decrypted.
        KeyServiceUnavailable: KMS cannot be reached.
        StoreUnavailable: The store cannot be reached.
    """
    saved = settings_service().provider(caller, request.provider)
    api_key = new_key(request.api_key, saved)
    if saved is None and api_key is None:
        raise ProviderNotConfigured(
            f"The provider {request.provider.value!r} has no saved API key. Save a key, or send one in apiKey."
        )
    if saved is None and not request.model:
        raise field_error("model", "is required because this provider is not configured yet", "missing")
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
    """Run a test with the given key and model, or the saved ones in their place."""
    if saved is not None:
        model = model or saved.model
        api_key = api_key or key_ring().api_key(caller.tenant_id, saved)
    if model is None or api_key is None:
        raise LookupError(f"{provider} has no key or no model")
    return try_connection(caller, provider, model, api_key)


def _require_success(
    caller: Caller, provider: ProviderName, model: str | None, api_key: str | None, saved: ProviderConfig | None
) -> ConnectionResult:
    """Return the result of a successful test. Raise ProviderTestFailed for any other."""
    result = _try(caller, provider, model, api_key, saved)
    code = ConnectionCode(result.code)
    if code is not ConnectionCode.OK:
        error = {"field": "model" if code in _MODEL_ERRORS else "apiKey", "message": _REASONS[code], "type": code.value}
        raise ProviderTestFailed(f"{_REASONS[code]}.", extra={"reason": code.value, "errors": [error]})
    return result
