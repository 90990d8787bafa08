"""Provider configurations: a key goes in and comes out to nobody."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from nexus_ai.core.caller import Caller
from nexus_ai.core.wire import ParameterModel, RequestModel, ResponseModel
from nexus_ai.gateway.composition import gateway
from nexus_ai.providers.base import ModelId, ProviderName


class ProviderPath(ParameterModel):
    provider: ProviderName


class ProviderConfigRequest(RequestModel):
    """`enabled` and `is_default` stay as they are where they are not named; at first they are true and false."""

    api_key: Annotated[SecretStr, Field(min_length=8, max_length=512)]
    model: ModelId
    enabled: bool = True
    is_default: bool = False

    @field_validator("api_key")
    @classmethod
    def _goes_into_a_header(cls, api_key: SecretStr) -> SecretStr:
        if not all("!" <= character <= "~" for character in api_key.get_secret_value()):
            raise ValueError("must be printable ASCII without spaces")
        return api_key


class ProviderConfigView(ResponseModel):
    """A configuration without its key, of which its end and a fingerprint are told for people to tell keys apart."""

    provider: str
    model: str
    enabled: bool
    is_default: bool
    key_last_four: str
    fingerprint: str


def save(caller: Caller, provider: ProviderName, request: ProviderConfigRequest) -> ProviderConfigView:
    """Encrypts the key and saves the configuration; raises KeyServiceUnavailable and StoreUnavailable."""
    named = request.model_fields_set
    config = gateway().tenants.save_provider(
        caller,
        provider=provider,
        model=request.model,
        api_key=request.api_key.get_secret_value(),
        enabled=request.enabled if "enabled" in named else None,
        is_default=request.is_default if "is_default" in named else None,
    )
    return ProviderConfigView(
        provider=config.provider,
        model=config.model,
        enabled=config.enabled,
        is_default=config.is_default,
        key_last_four=config.key_last_four,
        fingerprint=config.key_fingerprint,
    )
