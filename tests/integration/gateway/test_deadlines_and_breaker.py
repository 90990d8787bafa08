"""Test the deadline over all attempts, shared circuit breakers, and the four strategies."""

from collections import Counter
from threading import Semaphore
from typing import Any

import pytest

from local.providers.behaviours import Answer, Drip, Fail
from local.stack import LocalStack
from nexus_ai.audit.models import AuditStatus
from nexus_ai.gateway.composition import compose
from nexus_ai.gateway.models import GatewayResponse
from nexus_ai.gateway.pipeline import Gateway
from nexus_ai.gateway.routing import route
from nexus_ai.limits.models import Limit
from nexus_ai.platform.clock import SETTLE_S, Deadline, SystemClock, uuid7
from nexus_ai.platform.errors import AllProvidersFailed, LimitExceeded
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.providers.registry import get_provider
from nexus_ai.settings.models import (
    ANY_MODULE,
    Circuit,
    FallbackOrder,
    FallbackStep,
    ProviderConfig,
    Strategy,
    TenantSettings,
)
from nexus_ai.settings.store import SettingsStore
from nexus_ai.tasks.copywriting.models import Copy, CopyRequest
from nexus_ai.tasks.copywriting.service import model_call
from tests.integration.support.limit_calls import MovedClock, caller_of
from tests.integration.support.pipeline import at_once, copy, limit_state, records, set_fallback, set_limits, welcome

HANGS = Answer(delay_s=60)
STUCK_S = 15
# These tests wait for time-outs, which takes seconds, and need an idle machine.
takes_time = pytest.mark.slow


@pytest.fixture(autouse=True)
def sdks() -> None:
    """Load the providers' SDKs, as on a warm function."""
    for provider in ProviderName:
        get_provider(provider)


def call(gateway: Gateway, tenant: str, seconds: float, prompt: str = "Texto") -> GatewayResponse[Copy]:
    """Run a request for copy with a deadline in `seconds`."""
    now_ms = gateway.clock.now_ms()
    caller = caller_of(tenant, now_ms).model_copy(
        update={"request_id": uuid7(now_ms), "deadline": Deadline(now_ms + int(seconds * 1000))}
    )
    return gateway.run(caller, model_call(CopyRequest(provider=ProviderName.OPENAI, prompt=prompt)))


@takes_time
@pytest.mark.parametrize("behaviour", [HANGS, Drip(pause_s=0.2)])
def test_hanging_providers_leave_time_for_the_response(
    stack: LocalStack, tenant: str, behaviour: Answer | Drip
) -> None:
    welcome(stack, tenant)
    for provider in ProviderName:
        stack.providers.always(provider, behaviour)
    gateway = compose(SystemClock())
    began_ms = gateway.clock.now_ms()

    with pytest.raises(AllProvidersFailed):
        call(gateway, tenant, SETTLE_S + 3)

    assert gateway.clock.now_ms() < began_ms + (SETTLE_S + 3) * 1000
    (record,) = records(tenant)
    assert {attempt.error_code for attempt in record.attempts} == {"timeout"}
    assert all(attempt.estimated for attempt in record.attempts)
    state = limit_state(tenant)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held) == (1, (0, 0, 0))
    assert state.used(Limit.TOKENS_PER_DAY) == record.charged_tokens > 0


@takes_time
@pytest.mark.parametrize("provider", ProviderName)
def test_hanging_provider_falls_back_within_the_deadline(
    stack: LocalStack, tenant: str, provider: ProviderName
) -> None:
    welcome(stack, tenant)
    following = list(ProviderName)[(list(ProviderName).index(provider) + 1) % 5]
    set_fallback(tenant, provider, following)
    stack.providers.always(provider, HANGS)

    now_ms = SystemClock().now_ms()
    caller = caller_of(tenant, now_ms).model_copy(update={"deadline": Deadline(now_ms + 8000)})
    response = compose(SystemClock()).run(caller, model_call(CopyRequest(provider=provider, prompt="Texto")))

    assert [attempt.error_code for attempt in response.attempts] == ["timeout", None]
    assert response.provider == following
    assert Counter(call.provider for call in stack.providers.calls) == {provider: 1, following: 1}


def test_used_up_limit_ends_fallback_and_settles_the_last_attempt(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    gateway = compose(SystemClock())
    call(gateway, tenant, 20)
    (record,) = records(tenant)
    reserved = 1000
    set_limits(tenant, tokens=record.charged_tokens + reserved)
    stack.providers.always(ProviderName.OPENAI, Answer(text="x", reports_usage=False, finish="blocked"))

    with pytest.raises(LimitExceeded):
        call(gateway, tenant, 20, "Outro texto")

    state = limit_state(tenant)
    assert state.held == (0, 0, 0)
    assert [record.status for record in records(tenant)] == [AuditStatus.ANSWERED, AuditStatus.FAILED]
    assert stack.providers.count(ProviderName.ANTHROPIC) == 0


def test_one_probe_passes_an_open_circuit_and_closes_it(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    welcome(stack, tenant)
    set_fallback(tenant, "openai", "groq")
    clock = MovedClock(SystemClock().now_ms())
    first, other = compose(clock), compose(clock)
    call(first, tenant, 20, "Guardado")
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))
    for number in range(5):
        call(first, tenant, 20, f"Texto {number}")
    stack.providers.always(ProviderName.OPENAI, None)

    clock.ms += 6_000
    call(other, tenant, 20, "Outra função conhece o circuito")
    assert stack.providers.count(ProviderName.OPENAI) == 6

    clock.ms += 30_000
    # Neither a cache hit nor a rejection uses the probe.
    call(other, tenant, 20, "Guardado")
    set_limits(tenant, requests=1)
    with pytest.raises(LimitExceeded):
        call(other, tenant, 20, "Recusado")
    set_limits(tenant)
    assert stack.providers.count(ProviderName.OPENAI) == 6

    ended, close = Semaphore(0), SettingsStore.close_circuit

    def close_after_the_others(*circuit: Any) -> None:
        """Close the circuit only after all other requests have been skipped."""
        assert all(ended.acquire(timeout=STUCK_S) for _ in range(7))
        close(*circuit)

    def ask(number: int) -> None:
        call(other, tenant, 20, f"Depois da pausa {number}")
        ended.release()

    monkeypatch.setattr(SettingsStore, "close_circuit", close_after_the_others)
    at_once(8, ask)
    assert stack.providers.count(ProviderName.OPENAI) == 7

    clock.ms += 6_000
    assert call(first, tenant, 20, "Fechado").provider == "openai"


def test_long_retry_after_opens_the_circuit_at_once(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.RATE_LIMITED, retry_after_s=120))
    copy(stack, tenant, {"prompt": "Um"})
    copy(stack, tenant, {"prompt": "Dois"})

    assert stack.providers.count(ProviderName.OPENAI) == 1


def _settings(strategy: Strategy, *, weights: tuple[int, ...] = (1, 1, 1)) -> TenantSettings:
    names = ("openai", "groq", "google")
    models = ("gpt-6.1-sol", "openai/gpt-oss-20b", "gemini-3.5-flash-lite")
    providers = {
        name: ProviderConfig(
            provider=name,
            model=model,
            key_ciphertext=b"",
            key_last_four="",
            key_fingerprint="",
            updated_at_ms=0,
        )
        for name, model in zip(names, models, strict=True)
    }
    steps = tuple(FallbackStep(provider=name, weight=weight) for name, weight in zip(names, weights, strict=True))
    return TenantSettings(
        providers=providers,
        fallbacks={ANY_MODULE: FallbackOrder(strategy=strategy, steps=steps)},
        circuits={
            ("openai", "gpt-6.1-sol"): Circuit(latency_ms=900),
            ("groq", "openai/gpt-oss-20b"): Circuit(latency_ms=1200),
        },
    )


def _order(settings: TenantSettings, provider: ProviderName | None = None) -> list[str]:
    return [
        candidate.provider for candidate in route(settings, model_call(CopyRequest(provider=provider, prompt="Oi")))
    ]


def test_strategies_order_the_providers() -> None:
    assert _order(_settings(Strategy.ORDERED)) == ["openai", "groq", "google"]
    assert _order(_settings(Strategy.CHEAPEST)) == ["groq", "google", "openai"]
    # Google has no measured latency yet, so it is tried first.
    assert _order(_settings(Strategy.FASTEST)) == ["google", "openai", "groq"]
    assert _order(_settings(Strategy.CHEAPEST), ProviderName.OPENAI) == ["openai", "groq", "google"]


def test_weights_are_shares_and_zero_is_never_first() -> None:
    firsts = Counter(_order(_settings(Strategy.WEIGHTED, weights=(3, 1, 0)))[0] for _ in range(2000))
    assert 1300 < firsts["openai"] < 1700
    assert firsts["google"] == 0


def test_requested_provider_keeps_its_other_model_in_the_order() -> None:
    settings = _settings(Strategy.ORDERED)
    order = settings.fallbacks[ANY_MODULE]
    other = FallbackStep(provider="openai", model="gpt-6-luna")
    longer = order.model_copy(update={"steps": (*order.steps, other)})
    candidates = route(
        settings.model_copy(update={"fallbacks": {ANY_MODULE: longer}}),
        model_call(CopyRequest(provider=ProviderName.OPENAI, prompt="Oi")),
    )
    assert [candidate.model for candidate in candidates if candidate.provider == "openai"] == [
        "gpt-6.1-sol",
        "gpt-6-luna",
    ]
