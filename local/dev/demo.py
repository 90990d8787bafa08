"""Configure demo tenants: five providers in fallback order, each with a key from the environment or a simulated one."""

import time
from collections.abc import Mapping
from threading import Lock
from typing import Final, NamedTuple

from local.dev.default_models import DEFAULT_MODELS
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.table import Item, put_together
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.platform.clock import Deadline, SystemClock, uuid7
from nexus_ai.platform.errors import KeyServiceUnavailable
from nexus_ai.providers.base import ProviderName
from nexus_ai.settings import key_ring
from nexus_ai.settings.key_ring import KeyRing
from nexus_ai.settings.models import ANY_MODULE, FallbackOrder, FallbackStep
from nexus_ai.settings.service import SettingsService
from nexus_ai.settings.store import SettingsStore


class DemoProvider(NamedTuple):
    """Demo configuration of a provider.

    Attributes:
        model: Default model.
        key_variable: Variable of the operator's environment with the provider key.
        url_variable: Variable of the operator's environment with the base URL.
        parameter: Parameter of template.yaml for the base URL.
    """

    model: str
    key_variable: str
    url_variable: str
    parameter: str


# In fallback order.
PROVIDERS: Final[Mapping[ProviderName, DemoProvider]] = {
    name: DemoProvider(DEFAULT_MODELS[name], *names)
    for name, names in {
        ProviderName.OPENAI: ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OpenaiBaseUrl"),
        ProviderName.ANTHROPIC: ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "AnthropicBaseUrl"),
        ProviderName.GOOGLE: ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GoogleGeminiBaseUrl"),
        ProviderName.GROQ: ("GROQ_API_KEY", "GROQ_BASE_URL", "GroqBaseUrl"),
        ProviderName.OPENROUTER: ("OPENROUTER_API_KEY", "OPENROUTER_BASE_URL", "OpenrouterBaseUrl"),
    }.items()
}


def base_urls(operator: Mapping[str, str], simulated: Mapping[ProviderName, str]) -> dict[str, str]:
    """Return the base URL of each provider as parameters of the template. Empty means the provider's own address.

    An operator's *_BASE_URL has priority. Without one, a provider with a real key is called at its own address, and all
    others are simulated.
    """
    urls: dict[str, str] = {}
    for name, provider in PROVIDERS.items():
        real = "" if operator.get(provider.key_variable) else simulated[name]
        urls[provider.parameter] = operator.get(provider.url_variable) or real
    return urls


class DemoTenants:
    """Tenants with the demo configuration, which each receives when it is first seen."""

    def __init__(self, operator: Mapping[str, str]) -> None:
        self._keys = {
            name: operator.get(provider.key_variable) or f"sk-simulated-{name}" for name, provider in PROVIDERS.items()
        }
        self._seen: set[str] = set()
        self._items: list[Item] = []
        self._lock = Lock()

    def welcome(self, tenant_id: str) -> None:
        """Save the demo configuration for the tenant, unless it has provider configs that can be read.

        Raises:
            StoreUnavailable: The settings cannot be read or written.
            KeyServiceUnavailable: KMS cannot encrypt the keys.
        """
        with self._lock:
            if tenant_id in self._seen:
                return
            if not _is_set_up(tenant_id):
                if self._items:
                    self._copy(tenant_id)
                else:
                    self._write(tenant_id)
                    key = {":tenant": keys.settings_partition(tenant_id)}
                    self._items = list(tables.settings().query("PK = :tenant", key, consistent=True))
            self._seen.add(tenant_id)

    def _copy(self, tenant_id: str) -> None:
        """Copy the first tenant's items in one write instead of fifteen. The keys are encrypted for this tenant."""
        put_together([(tables.settings(), self._copied(item, tenant_id)) for item in self._items])

    def _copied(self, item: Item, tenant_id: str) -> Item:
        own = {**item, "PK": keys.settings_partition(tenant_id)}
        if "key_ciphertext" in item:
            own |= key_ring.fields(tenant_id, item["provider"], self._keys[ProviderName(item["provider"])])
        return own

    def _write(self, tenant_id: str) -> None:
        service = SettingsService(SettingsStore(tables.settings()), SystemClock())
        caller = _admin_of(tenant_id)
        for name, provider in PROVIDERS.items():
            service.save_provider(
                caller,
                provider=name,
                model=provider.model,
                api_key=self._keys[name],
                is_default=name is ProviderName.OPENAI,
            )
        steps = tuple(FallbackStep(provider=name) for name in PROVIDERS)
        service.save_fallback(caller, ANY_MODULE, FallbackOrder(steps=steps))


def _is_set_up(tenant_id: str) -> bool:
    """Return True if the tenant has provider configs with readable keys, as an AWS outside this process may have."""
    configs = SettingsStore(tables.settings()).load(tenant_id).providers.values()
    try:
        for config in configs:
            KeyRing(SystemClock()).api_key(tenant_id, config)
    except KeyServiceUnavailable:
        return False
    return bool(configs)


def _admin_of(tenant_id: str) -> Caller:
    now_ms = time.time_ns() // 1_000_000
    return Caller(
        tenant_id=tenant_id,
        user_id="local-stack",
        roles=frozenset({Role.ADMIN}),
        request_id=uuid7(now_ms),
        endpoint="/local/token",
        started_at_ms=now_ms,
        deadline=Deadline(now_ms + 29_000),
    )
