"""List the providers, one row each, and return their adapters.

A provider that implements OpenAI's chat completions needs only a row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import cast

from nexus_ai.platform.settings import Settings, get_settings
from nexus_ai.providers.base import Provider, ProviderName


@dataclass(frozen=True, slots=True)
class Row:
    """Entry of a provider.

    Attributes:
        module: Module with the class Adapter.
        base_url: Reads the base URL from the settings; None means the default.
        overhead_tokens: Upper bound of the input tokens that the provider adds to frame messages and announce a schema.
            It is generous, because a reservation must not be too small. The settlement corrects it.
        default_base_url: The provider's public base URL.
    """

    module: str
    base_url: Callable[[Settings], str | None]
    overhead_tokens: int
    default_base_url: str


REGISTRY: Mapping[ProviderName, Row] = MappingProxyType(
    {
        ProviderName.OPENAI: Row(
            module="nexus_ai.providers.openai_chat",
            base_url=lambda settings: settings.openai_base_url,
            overhead_tokens=40,
            default_base_url="https://api.openai.com/v1",
        ),
        ProviderName.ANTHROPIC: Row(
            module="nexus_ai.providers.anthropic",
            base_url=lambda settings: settings.anthropic_base_url,
            overhead_tokens=120,
            default_base_url="https://api.anthropic.com",
        ),
        ProviderName.GOOGLE: Row(
            module="nexus_ai.providers.google",
            base_url=lambda settings: settings.google_gemini_base_url,
            overhead_tokens=40,
            default_base_url="https://generativelanguage.googleapis.com",
        ),
        ProviderName.GROQ: Row(
            module="nexus_ai.providers.groq",
            base_url=lambda settings: settings.groq_base_url,
            overhead_tokens=80,
            default_base_url="https://api.groq.com",
        ),
        ProviderName.OPENROUTER: Row(
            module="nexus_ai.providers.openai_chat",
            base_url=lambda settings: settings.openrouter_base_url,
            overhead_tokens=80,
            default_base_url="https://openrouter.ai/api/v1",
        ),
    }
)


def get_provider(name: ProviderName) -> Provider:
    """Return the adapter of a provider. It is created on first use and kept for the life of the process."""
    row = REGISTRY[name]
    return _adapter(name, row.base_url(get_settings()) or row.default_base_url)


@cache
def _adapter(name: ProviderName, base_url: str) -> Provider:
    return cast("Provider", import_module(REGISTRY[name].module).Adapter(name, base_url))
