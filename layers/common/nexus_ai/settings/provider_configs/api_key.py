"""Validate the API key in a request body. It is either a new key or the mask of the saved key."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from nexus_ai.platform.field_errors import field_error
from nexus_ai.settings.models import ProviderConfig

# Start of the mask, followed by the last four characters of the key.
MASK = "••••"
MIN_CHARACTERS = 8
MAX_CHARACTERS = 512


def mask(config: ProviderConfig) -> str:
    """Return the mask of a saved key."""
    return MASK + config.key_last_four


def _key_or_mask(api_key: SecretStr) -> SecretStr:
    text = api_key.get_secret_value()
    if text.startswith(MASK):
        return api_key
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        bounds = {"least": MIN_CHARACTERS, "most": MAX_CHARACTERS}
        raise PydanticCustomError("key_length", "must have {least} to {most} characters", bounds)
    # The key is sent in a header.
    if not all("!" <= character <= "~" for character in text):
        raise PydanticCustomError("key_characters", "must be printable ASCII without spaces")
    return api_key


ApiKey = Annotated[SecretStr, Field(json_schema_extra={"maxLength": MAX_CHARACTERS}), AfterValidator(_key_or_mask)]


def no_key() -> SecretStr:
    """Return the default of a body without a key."""
    return SecretStr("")


def new_key(given: SecretStr, saved: ProviderConfig | None) -> str | None:
    """Return the key that replaces the saved one. None if the body has no key or the mask of the saved key.

    Raises:
        ValidationFailed: The body has the mask of another key.
    """
    text = given.get_secret_value()
    if not text.startswith(MASK):
        return text or None
    if saved is None or text != mask(saved):
        raise field_error("apiKey", "does not match the saved key; send the complete key", "mask")
    return None
