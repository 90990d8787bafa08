"""Prompts, settings and calls that the contract tests share."""

from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Final

import pytest

from local.dev.default_models import DEFAULT_MODELS
from nexus_ai.platform.settings import Settings
from nexus_ai.providers.base import Completion, Message, OutputSchema, Prompt, Provider, ProviderFailure, ProviderName
from nexus_ai.providers.registry import REGISTRY

KEY: Final = "sk-contract-0123456789abcdef"
# The requests in requests/ are those for the default models.
MODELS: Final = DEFAULT_MODELS
# Path of each base URL variable: each provider has its own convention.
BASE_PATHS: Final = MappingProxyType(
    {
        ProviderName.OPENAI: "/openai/v1",
        ProviderName.ANTHROPIC: "/anthropic",
        ProviderName.GOOGLE: "/google",
        ProviderName.GROQ: "/groq",
        ProviderName.OPENROUTER: "/openrouter/api/v1",
    }
)
SCHEMA: Final = {
    "type": "object",
    "properties": {
        "headline": {"type": "string", "maxLength": 60},
        "hashtags": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 5},
    },
    "required": ["headline", "hashtags"],
}
PROMPT: Final = Prompt(
    system="You write marketing copy.",
    messages=(
        Message(role="user", text="Uma cafeteria"),
        Message(role="assistant", text="Qual o tom?"),
        Message(role="user", text="Alegre ☕"),
    ),
    max_tokens=500,
    temperature=0.7,
)
STRUCTURED: Final = PROMPT.model_copy(
    update={"output": OutputSchema.model_validate({"name": "copy", "schema": SCHEMA}), "temperature": None}
)


def settings(url: str) -> Settings:
    """Return settings in which every provider is at `url`, each at its own path."""
    paths = {name: url + path for name, path in BASE_PATHS.items()}
    return Settings(
        settings_table="settings",
        rate_limits_table="rate-limits",
        cache_table="cache",
        usage_table="usage",
        audit_logs_table="audit-logs",
        content_bucket="content",
        provider_keys_key_id="key",
        token_issuer="https://issuer.example",
        token_audience="nexus-ai",
        token_jwks_url="https://issuer.example/jwks.json",
        openai_base_url=paths[ProviderName.OPENAI],
        anthropic_base_url=paths[ProviderName.ANTHROPIC],
        google_gemini_base_url=paths[ProviderName.GOOGLE],
        groq_base_url=paths[ProviderName.GROQ],
        openrouter_base_url=paths[ProviderName.OPENROUTER],
    )


@dataclass(frozen=True, slots=True)
class AdapterClient:
    """Adapter of one provider, called with defaults for the arguments that a test does not vary."""

    adapter: Provider
    name: ProviderName

    def complete(
        self, prompt: Prompt = PROMPT, *, model: str | None = None, api_key: str = KEY, timeout_s: float = 10
    ) -> Completion:
        return self.adapter.complete(prompt, model=model or MODELS[self.name], api_key=api_key, timeout_s=timeout_s)

    def failure(self, prompt: Prompt = PROMPT, *, api_key: str = KEY, timeout_s: float = 10) -> ProviderFailure:
        with pytest.raises(ProviderFailure) as caught:
            self.complete(prompt, api_key=api_key, timeout_s=timeout_s)
        return caught.value


def client_at(url: str, name: ProviderName) -> AdapterClient:
    """Return a new adapter for a provider at another address."""
    adapter: Provider = import_module(REGISTRY[name].module).Adapter(name, url + BASE_PATHS[name])
    return AdapterClient(adapter, name)
