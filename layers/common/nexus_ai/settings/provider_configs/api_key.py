"""A provider's key as a body holds it: the key itself, or the mask that stands for the one that is saved."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from nexus_ai.platform.field_errors import field_error
from nexus_ai.settings.models import ProviderConfig

# What a configuration shows in place of its key, before the last four characters.
MASK = "••••"
MIN_CHARACTERS = 8
MAX_CHARACTERS = 512


def mask(config: ProviderConfig) -> str:
    return MASK + config.key_last_four


def _key_or_mask(api_key: SecretStr) -> SecretStr:
    text = api_key.get_secret_value()
    if text.startswith(MASK):
        return api_key
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        bounds = {"least": MIN_CHARACTERS, "most": MAX_CHARACTERS}
        raise PydanticCustomError("key_length", "must have {least} to {most} characters", bounds)
    # It goes into a header.
    if not all("!" <= character <= "~" for character in text):
        raise PydanticCustomError("key_characters", "must be printable ASCII without spaces")
    return api_key


ApiKey = Annotated[SecretStr, Field(json_schema_extra={"maxLength": MAX_CHARACTERS}), AfterValidator(_key_or_mask)]


def no_key() -> SecretStr:
    """Stands where a body names no key."""
    return SecretStr("")


def new_key(given: SecretStr, saved: ProviderConfig | None) -> str | None:
    """The key that is to take the saved one's place; None where that one is meant, by its mask or by no word at all.

    Raises ValidationFailed for the mask of another key.
    """
    text = given.get_secret_value()
    if not text.startswith(MASK):
        return text or None
    if saved is None or text != mask(saved):
        raise field_error("apiKey", "This is not the mask of the key that is saved", "mask")
    return None
