"""Test the attempts of a request against real limits and simulated providers: reservations and charges."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from local.providers.behaviours import Answer, Fail, Reset, Usage
from local.providers.server import SimulatedProviders
from nexus_ai.audit.models import Attempt, Outcome
from nexus_ai.gateway import models
from nexus_ai.gateway.attempts import AttemptTracker
from nexus_ai.gateway.routing import Candidate
from nexus_ai.limits.models import Amounts, Limit, LimitState, Reservation
from nexus_ai.limits.service import LimitService
from nexus_ai.model_calls import Step
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.errors import LimitExceeded, PriceUnknown
from nexus_ai.providers.base import Completion, FailureKind, Message, Prompt, ProviderFailure, ProviderName
from nexus_ai.settings.models import TenantSettings
from tests.integration.support.limit_calls import MovedClock, caller_of, limits, service, set_limits, without_levels

MINI = Candidate("openai", "gpt-4o-mini")
NANO = Candidate("openai", "gpt-4.1-nano")
ROUTED = Candidate("openrouter", "openai/gpt-4o-mini")
UNKNOWN = Candidate("openai", "unpriced-model")
SETTINGS = TenantSettings()
STEP = Step(
    prompt=Prompt(system="Answer in one word.", messages=(Message(role="user", text="Olá"),), max_tokens=500),
    input_tokens=1_000,
)
# OpenAI adds up to 40 tokens to a prompt: 1040 * 0.15 = 156 micro-dollars, and 500 * 0.6 = 300.
MOST = Amounts(1, 1_540, 456)
REPORTED = Answer(text="Oi", usage=Usage(input_tokens=900, output_tokens=200))  # 135 + 120 micro-dollars


@dataclass(frozen=True)
class Request:
    limits: LimitService
    caller: Caller
    tracker: AttemptTracker

    def reserve(self, candidate: Candidate) -> None:
        self.tracker.reserve(SETTINGS, candidate, STEP)

    def call(self, candidate: Candidate) -> Completion | ProviderFailure:
        """Reserve for an attempt and make it."""
        self.reserve(candidate)
        return self.tracker.attempt(SETTINGS, candidate, STEP.prompt, api_key="sk-test", timeout_s=lambda: 20.0)

    def settle(self) -> None:
        last = self.tracker.last_settlement()
        assert last is not None
        assert self.limits.settle(self.caller.tenant_id, last) is not None

    def in_flight(self) -> list[Reservation]:
        return list(self.state().in_flight.values())

    def state(self) -> LimitState:
        return self.limits.state(self.caller)

    def used(self) -> tuple[int, int, int]:
        state = self.state()
        return state.used(Limit.REQUESTS_PER_HOUR), state.used(Limit.TOKENS_PER_DAY), state.used(Limit.COST_PER_MONTH)


@pytest.fixture
def request_of_a_tenant(simulated_providers: SimulatedProviders, tenant: str) -> Request:
    limit_service, caller = service(MovedClock()), caller_of(tenant)
    return Request(limit_service, caller, AttemptTracker(limit_service, caller))


def test_attempt_reserves_the_most_it_can_use(
    request_of_a_tenant: Request,
) -> None:
    request = request_of_a_tenant
    request.reserve(MINI)
    (reservation,) = request.in_flight()
    assert reservation.id == f"{request.caller.request_id}.1"
    assert reservation.amounts == MOST
    assert reservation.deadline_ms == request.caller.deadline.at_ms + 10_000
    assert (reservation.provider, reservation.model) == ("openai", "gpt-4o-mini")


def test_completion_is_returned_and_charged_once(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, REPORTED)
    outcome = request.call(MINI)
    assert isinstance(outcome, Completion)
    assert outcome.text == "Oi"
    (call,) = simulated_providers.calls
    assert (call.model, call.key_last4) == ("gpt-4o-mini", "test")
    (attempt,) = request.tracker.attempts
    assert (attempt.outcome, attempt.charged_tokens, attempt.cost_micros) == (Outcome.ANSWERED, 1_100, 255)
    assert request.tracker.usage() == models.Usage(input_tokens=900, output_tokens=200, cost_micros=255)
    request.settle()
    assert request.used() == (1, 1_100, 255)
    assert request.in_flight() == []


def test_next_attempt_settles_the_last_one_and_is_no_new_request(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR), REPORTED)
    failure = request.call(MINI)
    assert isinstance(failure, ProviderFailure)
    assert failure.kind is FailureKind.SERVER_ERROR
    request.reserve(NANO)
    (reservation,) = request.in_flight()
    # 1040 * 0.1 = 104 and 500 * 0.4 = 200
    assert (reservation.id, reservation.amounts) == (f"{request.caller.request_id}.2", Amounts(0, 1_540, 304))
    assert request.used() == (1, 0, 0)
    assert request.tracker.usage() == models.Usage(input_tokens=0, output_tokens=0, cost_micros=0)
    settled = request.tracker.last_settlement()
    assert settled
    assert without_levels(settled.reservation) == reservation
    assert settled.used == Amounts(0, 0, 0)


def test_unsent_attempt_leaves_its_request_to_the_next(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of_a_tenant
    _provider(monkeypatch, ProviderFailure(FailureKind.UNREACHABLE, sent=False))
    assert isinstance(request.call(MINI), ProviderFailure)
    assert not request.tracker.anything_sent
    assert request.tracker.anything_started
    request.reserve(NANO)
    (reservation,) = request.in_flight()
    assert reservation.amounts.requests == 1
    assert request.used() == (0, 0, 0)


def test_blocked_completion_is_charged_as_reported(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    blocked = Answer(finish="blocked", usage=Usage(input_tokens=900, output_tokens=200))
    simulated_providers.script(ProviderName.OPENAI, blocked)
    failure = request_of_a_tenant.call(MINI)
    assert isinstance(failure, ProviderFailure)
    assert failure.kind is FailureKind.BLOCKED
    (attempt,) = request_of_a_tenant.tracker.attempts
    assert (attempt.outcome, attempt.charged_tokens, attempt.cost_micros) == (Outcome.FAILED, 1_100, 255)
    request_of_a_tenant.settle()
    assert request_of_a_tenant.used() == (1, 1_100, 255)


def test_fault_of_an_adapter_is_charged_as_an_estimate(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = request_of_a_tenant
    _provider(monkeypatch, ZeroDivisionError("sk-secret"))
    outcome = request.call(MINI)
    assert isinstance(outcome, ProviderFailure)
    assert (outcome.kind, outcome.sent) == (FailureKind.MALFORMED, True)
    (attempt,) = request.tracker.attempts
    assert (attempt.charged_tokens, attempt.cost_micros, attempt.estimated) == (1_540, 456, True)
    logged = capsys.readouterr().out
    assert '"an adapter failed"' in logged
    assert '"provider":"openai"' in logged
    assert "ZeroDivisionError" in logged
    assert "sk-secret" not in logged


def test_interrupted_attempt_is_charged_in_full(request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_of_a_tenant
    _provider(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        request.call(MINI)
    request.settle()
    assert request.used() == MOST


def test_attempt_without_a_reservation_is_refused(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, REPORTED)
    request.call(MINI)
    with pytest.raises(LookupError, match=r"^an attempt was started without a reservation$"):
        request.tracker.attempt(SETTINGS, MINI, STEP.prompt, api_key="sk-test", timeout_s=lambda: 20.0)
    assert simulated_providers.count() == 1
    assert request.tracker.attempts[0].charged_tokens == 1_100


def test_timeout_is_computed_after_the_adapter_is_loaded(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of_a_tenant
    events: list[str] = []
    received = _provider(monkeypatch, ProviderFailure(FailureKind.TIMEOUT), on_made=lambda: events.append("adapter"))

    def timeout_s() -> float:
        events.append("time")
        return 7.5

    request.reserve(MINI)
    request.tracker.attempt(SETTINGS, MINI, STEP.prompt, api_key="sk-test", timeout_s=timeout_s)
    assert events == ["adapter", "time"]
    assert received == [(STEP.prompt, "gpt-4o-mini", "sk-test", 7.5)]


def test_latency_of_an_attempt_is_in_milliseconds(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([100.0, 101.25])
    _provider(monkeypatch, ProviderFailure(FailureKind.TIMEOUT))
    request_of_a_tenant.reserve(MINI)
    monkeypatch.setattr("nexus_ai.gateway.attempts.time.monotonic", lambda: next(moments))
    tracker = request_of_a_tenant.tracker
    tracker.attempt(SETTINGS, MINI, STEP.prompt, api_key="sk-test", timeout_s=lambda: 20.0)
    monkeypatch.undo()
    assert tracker.attempts[0].latency_ms == 1_250


def test_unused_reservation_is_released(request_of_a_tenant: Request) -> None:
    request = request_of_a_tenant
    assert request.tracker.last_settlement() is None
    request.reserve(MINI)
    request.tracker.release()
    request.reserve(NANO)
    (reservation,) = request.in_flight()
    assert reservation.model == "gpt-4.1-nano"
    request.settle()
    assert request.in_flight() == []
    assert request.used() == (0, 0, 0)


def test_last_attempt_is_still_settled_if_the_next_does_not_fit(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    set_limits(request.limits, request.caller.tenant_id, limits(tokens=2_000))
    simulated_providers.script(ProviderName.OPENAI, REPORTED)
    request.call(MINI)
    with pytest.raises(LimitExceeded):
        request.reserve(NANO)
    request.settle()
    assert request.used() == (1, 1_100, 255)


def test_skipped_provider_is_recorded_and_costs_nothing(request_of_a_tenant: Request) -> None:
    tracker = request_of_a_tenant.tracker
    tracker.skip(ROUTED, "circuit_open")
    assert tracker.attempts == [
        Attempt(
            provider="openrouter",
            model="openai/gpt-4o-mini",
            outcome=Outcome.SKIPPED,
            error_code="circuit_open",
            cost_micros=0,
        )
    ]
    assert not tracker.anything_started
    assert not tracker.has_tried("openrouter", "openai/gpt-4o-mini")
    assert tracker.usage() == models.Usage(input_tokens=0, output_tokens=0, cost_micros=0)


def test_has_tried_compares_provider_and_model(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    tracker = request_of_a_tenant.tracker
    tracker.skip(ROUTED, "circuit_open")
    request_of_a_tenant.call(MINI)
    tracker.skip(NANO, "circuit_open")
    assert tracker.anything_started
    assert tracker.anything_sent
    assert tracker.has_tried("openai", "gpt-4o-mini")
    assert not tracker.has_tried("openai", "gpt-4.1-nano")
    assert not tracker.has_tried("openrouter", "gpt-4o-mini")


def test_invalid_completion_keeps_its_charge(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    simulated_providers.script(ProviderName.OPENAI, Reset(), REPORTED, REPORTED)
    for _ in range(3):
        request_of_a_tenant.call(MINI)
    request_of_a_tenant.tracker.mark_last_invalid()
    first, second, last = request_of_a_tenant.tracker.attempts
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.ANSWERED)
    assert (last.outcome, last.error_code) == (Outcome.INVALID_ANSWER, "invalid_answer")
    assert (last.charged_tokens, last.cost_micros) == (1_100, 255)


def test_usage_is_the_sum_of_all_attempts_or_of_one_candidate(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, REPORTED, REPORTED)
    simulated_providers.script(
        ProviderName.OPENROUTER, Answer(text="Oi", usage=Usage(input_tokens=100, output_tokens=10))
    )
    request.tracker.skip(UNKNOWN, "circuit_open")
    for candidate in (MINI, ROUTED, NANO):
        request.call(candidate)
    # 900 * 0.1 = 90 and 200 * 0.4 = 80 for the third. The second reported its cost.
    assert request.tracker.usage() == models.Usage(input_tokens=1_900, output_tokens=410, cost_micros=255 + 14 + 170)
    assert request.tracker.usage(ROUTED) == models.Usage(input_tokens=100, output_tokens=10, cost_micros=14)
    assert request.tracker.usage(NANO) == models.Usage(input_tokens=900, output_tokens=200, cost_micros=170)


def test_usage_has_no_estimated_tokens_and_no_unknown_cost(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, Answer(text="Oi", reports_usage=False), REPORTED)
    request.call(MINI)
    assert request.tracker.usage() == models.Usage(input_tokens=None, output_tokens=None, cost_micros=456)
    request.call(NANO)
    assert request.tracker.usage() == models.Usage(input_tokens=900, output_tokens=200, cost_micros=456 + 170)
    set_limits(request.limits, request.caller.tenant_id, limits())
    request.call(UNKNOWN)
    assert request.tracker.usage().cost_micros is None


def test_all_steps_must_fit_before_the_first_begins(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request, tenant = request_of_a_tenant, request_of_a_tenant.caller.tenant_id
    for too_small in (limits(tokens=3_079), limits(cost_micros=911), limits(requests=0)):
        set_limits(request.limits, tenant, too_small)
        with pytest.raises(LimitExceeded):
            request.tracker.require(SETTINGS, MINI, [STEP, STEP])
    set_limits(request.limits, tenant, limits(requests=1, tokens=3_080, cost_micros=912))
    request.tracker.require(SETTINGS, MINI, [STEP, STEP])
    assert request.in_flight() == []
    simulated_providers.script(ProviderName.OPENAI, REPORTED)
    request.call(MINI)
    # The request is counted already, and what the attempt used replaces its reservation.
    set_limits(request.limits, tenant, limits(requests=1, tokens=1_100 + 3_080, cost_micros=255 + 912))
    request.tracker.require(SETTINGS, MINI, [STEP, STEP])
    set_limits(request.limits, tenant, limits(requests=1, tokens=1_100 + 3_079))
    with pytest.raises(LimitExceeded):
        request.tracker.require(SETTINGS, MINI, [STEP, STEP])


def test_steps_of_unknown_price_are_rejected_under_a_dollar_limit(request_of_a_tenant: Request) -> None:
    request = request_of_a_tenant
    set_limits(request.limits, request.caller.tenant_id, limits(cost_micros=10**9))
    with pytest.raises(PriceUnknown) as rejected:
        request.tracker.require(SETTINGS, UNKNOWN, [STEP])
    assert "'unpriced-model' of openai" in rejected.value.detail
    with pytest.raises(PriceUnknown):
        request.reserve(UNKNOWN)
    set_limits(request.limits, request.caller.tenant_id, limits())
    request.tracker.require(SETTINGS, UNKNOWN, [STEP])
    request.reserve(UNKNOWN)


def _provider(
    monkeypatch: pytest.MonkeyPatch, outcome: BaseException, on_made: Callable[[], object] = lambda: None
) -> list[tuple[Prompt, str, str, float]]:
    """Replace OpenAI's adapter by one that raises `outcome`; return the arguments that it receives."""
    received: list[tuple[Prompt, str, str, float]] = []

    class Adapter:
        def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
            received.append((prompt, model, api_key, timeout_s))
            raise outcome

    def get_adapter(name: ProviderName) -> Adapter:
        assert name is ProviderName.OPENAI
        on_made()
        return Adapter()

    monkeypatch.setattr("nexus_ai.gateway.attempts.get_provider", get_adapter)
    return received
