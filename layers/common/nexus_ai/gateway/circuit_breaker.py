"""Circuits: a provider's model that fails again and again is left alone for a while, then tried by one call.

The state is in the Settings table, one item a tenant, provider and model, so that all functions share it.
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
# A vendor that asks for a longer pause than this opens its circuit at once, for as long as it asks.
LONG_RETRY_AFTER_MS = 30_000
MAX_COOL_DOWN_MS = 10 * 60_000
# Recent latency is kept by a moving average, written at most this often by a process.
LATENCY_STEP_MS = 30_000
LATENCY_KEPT_S = DAY_S
# As long as what was told of a failure: by what is counted here an answer knows that it ends the event.
FAILURES_KEPT_S = PROVIDER_ALERT_KEPT_S


class CircuitBreaker:
    def __init__(self, store: SettingsStore, tenants: SettingsService, clock: Clock) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock
        self._latency_written: dict[tuple[str, str, str], int] = {}

    def is_open(self, settings: TenantSettings, provider: str, model: str) -> bool:
        """Whether nobody may try this model now."""
        circuit = settings.circuits.get((provider, model))
        return circuit is not None and circuit.open_until_ms > self._clock.now_ms()

    def allow_request(self, caller: Caller, settings: TenantSettings, provider: str, model: str) -> bool:
        """Whether a call may try a model whose circuit is not open: it is closed, or this call takes the one probe."""
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
        """Counts a failure, and opens the circuit at the fifth in a row or where the vendor asks for a long pause.

        Returns whether it is open then.
        """
        now_ms = self._clock.now_ms()
        asked_ms = int((retry_after_s or 0) * 1000)
        failures = self._store.add_failure(caller.tenant_id, provider, model, now_ms // 1000 + FAILURES_KEPT_S)
        opens = failures >= FAILURES_TO_OPEN or asked_ms >= LONG_RETRY_AFTER_MS
        if opens:
            pause_ms = min(max(asked_ms, COOL_DOWN_MS), MAX_COOL_DOWN_MS)
            self._store.open_circuit(caller.tenant_id, provider, model, now_ms + pause_ms)
        self._tenants.forget_circuits(caller)
        return opens

    def has_failed(self, settings: TenantSettings, provider: str, model: str) -> bool:
        """Return whether failures are counted, which a completion ends."""
        circuit = settings.circuits.get((provider, model), Circuit())
        return bool(circuit.failures or circuit.open_until_ms)

    def record_success(self, caller: Caller, settings: TenantSettings, provider: str, model: str) -> bool:
        """Closes a circuit that had counted failures; False, and nothing is written, where there were none."""
        if not self.has_failed(settings, provider, model):
            return False
        self._store.close_circuit(caller.tenant_id, provider, model)
        self._tenants.forget_circuits(caller)
        return True

    def record_latency(
        self, caller: Caller, settings: TenantSettings, provider: str, model: str, latency_ms: int
    ) -> None:
        """Remembers how fast a model answered, for the strategy `fastest`."""
        now_ms = self._clock.now_ms()
        name = (caller.tenant_id, provider, model)
        if now_ms - self._latency_written.get(name, 0) < LATENCY_STEP_MS:
            return
        self._latency_written[name] = now_ms
        before = settings.circuits.get((provider, model), Circuit()).latency_ms
        average = latency_ms if before is None else (3 * before + latency_ms) // 4
        self._store.set_latency(caller.tenant_id, provider, model, average, now_ms // 1000 + LATENCY_KEPT_S)
