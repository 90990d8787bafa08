"""Stop calling a model that fails repeatedly, and let one request probe it after a pause.

The Settings table holds one item per tenant, provider and model, so all functions share the state.
"""

from nexus_ai.alerts.store import PROVIDER_ALERT_KEPT_S
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.units import DAY_S
from nexus_ai.settings.models import Circuit, TenantSettings
from nexus_ai.settings.service import SettingsService
from nexus_ai.settings.store import SettingsStore

FAILURES_TO_OPEN = 5
COOL_DOWN_MS = 30_000
# A provider that asks for at least this pause opens its circuit at once, for as long as it asks.
LONG_RETRY_AFTER_MS = 30_000
MAX_COOL_DOWN_MS = 10 * 60_000
# A process updates the moving average of a model's latency at most this often.
LATENCY_STEP_MS = 30_000
LATENCY_KEPT_S = DAY_S
# Failure counts live as long as the alert about them, because the next completion must find them to end the alert.
FAILURES_KEPT_S = PROVIDER_ALERT_KEPT_S


class CircuitBreaker:
    """Circuit breaker for each tenant, provider and model: closed, open or half-open."""

    def __init__(self, store: SettingsStore, tenants: SettingsService, clock: Clock) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock
        self._latency_written_ms: dict[tuple[str, str, str], int] = {}

    def is_open(self, settings: TenantSettings, provider: str, model: str) -> bool:
        """Return True while the circuit is open, so that the model must not be called."""
        circuit = settings.circuits.get((provider, model))
        return circuit is not None and circuit.open_until_ms > self._clock.now_ms()

    def allow_request(self, caller: Caller, settings: TenantSettings, provider: str, model: str) -> bool:
        """Return True if a request may call a model whose circuit is not open.

        A closed circuit allows every request. A half-open one allows the single request that claims its probe.
        """
        circuit = settings.circuits.get((provider, model))
        if circuit is None or circuit.open_until_ms == 0:
            return True
        self._tenants.forget_circuits(caller)
        return self._store.claim_probe(
            caller.tenant_id,
            provider,
            model,
            seen_ms=circuit.open_until_ms,
            until_ms=self._clock.now_ms() + COOL_DOWN_MS,
            request_id=caller.request_id,
        )

    def record_failure(self, caller: Caller, provider: str, model: str, retry_after_s: float | None) -> bool:
        """Count a failure, and open the circuit if needed.

        The circuit opens at the fifth failure in a row, or if the provider asks for a pause of 30 s or more.

        Returns:
            True if the circuit was opened.
        """
        now_ms = self._clock.now_ms()
        retry_after_ms = int((retry_after_s or 0) * 1000)
        failures = self._store.add_failure(caller.tenant_id, provider, model, now_ms // 1000 + FAILURES_KEPT_S)
        opens = failures >= FAILURES_TO_OPEN or retry_after_ms >= LONG_RETRY_AFTER_MS
        if opens:
            pause_ms = min(max(retry_after_ms, COOL_DOWN_MS), MAX_COOL_DOWN_MS)
            self._store.open_circuit(caller.tenant_id, provider, model, now_ms + pause_ms)
        self._tenants.forget_circuits(caller)
        return opens

    def has_failed(self, settings: TenantSettings, provider: str, model: str) -> bool:
        """Return True if failures are counted that the next completion resets."""
        circuit = settings.circuits.get((provider, model), Circuit())
        return bool(circuit.failures or circuit.open_until_ms)

    def record_success(self, caller: Caller, settings: TenantSettings, provider: str, model: str) -> bool:
        """Close the circuit if it has counted failures.

        Returns:
            True if the circuit was closed; False, without a write, if it had no failures.
        """
        if not self.has_failed(settings, provider, model):
            return False
        self._store.close_circuit(caller.tenant_id, provider, model)
        self._tenants.forget_circuits(caller)
        return True

    def record_latency(
        self, caller: Caller, settings: TenantSettings, provider: str, model: str, latency_ms: int
    ) -> None:
        """Update the moving average of a model's latency, which the strategy `fastest` sorts by."""
        now_ms = self._clock.now_ms()
        name = (caller.tenant_id, provider, model)
        if now_ms - self._latency_written_ms.get(name, 0) < LATENCY_STEP_MS:
            return
        self._latency_written_ms[name] = now_ms
        previous = settings.circuits.get((provider, model), Circuit()).latency_ms
        average = latency_ms if previous is None else (3 * previous + latency_ms) // 4
        self._store.set_latency(caller.tenant_id, provider, model, average, now_ms // 1000 + LATENCY_KEPT_S)
