"""The attempts of one request, against real limits and simulated vendors: what each holds, and what it is charged."""

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
UNKNOWN = Candidate("openai", "nobody-knows")
SETTINGS = TenantSettings()
STEP = Step(
    prompt=Prompt(system="Answer in one word.", messages=(Message(role="user", text="Olá"),), max_tokens=500),
    input_tokens=1_000,
)
# OpenAI frames with up to 40 tokens: 1040 * 0.15 = 156 micro-dollars, and 500 * 0.6 = 300.
MOST = Amounts(1, 1_540, 456)
TOLD = Answer(text="Oi", usage=Usage(input_tokens=900, output_tokens=200))  # 135 + 120 micro-dollars


@dataclass(frozen=True)
class Request:
    limits: LimitService
    caller: Caller
    meter: AttemptTracker

    def reserve(self, candidate: Candidate) -> None:
        self.meter.reserve(SETTINGS, candidate, STEP)

    def call(self, candidate: Candidate) -> Completion | ProviderFailure:
        """Reserves for an attempt and makes it."""
        self.reserve(candidate)
        return self.meter.attempt(SETTINGS, candidate, STEP.prompt, api_key="sk-test", timeout_s=lambda: 20.0)

    def settle(self) -> None:
        last = self.meter.last_settlement()
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


def test_an_attempt_holds_the_most_that_it_can_use_until_ten_seconds_after_the_requests_deadline(
    request_of_a_tenant: Request,
) -> None:
    request = request_of_a_tenant
    request.reserve(MINI)
    (held,) = request.in_flight()
    assert held.id == f"{request.caller.request_id}.1"
    assert held.amounts == MOST
    assert held.deadline_ms == request.caller.deadline.at_ms + 10_000
    assert (held.provider, held.model) == ("openai", "gpt-4o-mini")


def test_an_answer_is_told_counted_and_charged_once(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, TOLD)
    outcome = request.call(MINI)
    assert isinstance(outcome, Completion)
    assert outcome.text == "Oi"
    (call,) = simulated_providers.calls
    assert (call.model, call.key_last4) == ("gpt-4o-mini", "test")
    (attempt,) = request.meter.attempts
    assert (attempt.outcome, attempt.charged_tokens, attempt.cost_micros) == (Outcome.ANSWERED, 1_100, 255)
    assert request.meter.usage() == models.Usage(input_tokens=900, output_tokens=200, cost_micros=255)
    request.settle()
    assert request.used() == (1, 1_100, 255)
    assert request.in_flight() == []


def test_the_next_attempt_settles_the_one_before_it_and_is_no_second_request(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR), TOLD)
    failure = request.call(MINI)
    assert isinstance(failure, ProviderFailure)
    assert failure.kind is FailureKind.SERVER_ERROR
    request.reserve(NANO)
    (held,) = request.in_flight()
    # 1040 * 0.1 = 104 and 500 * 0.4 = 200
    assert (held.id, held.amounts) == (f"{request.caller.request_id}.2", Amounts(0, 1_540, 304))
    assert request.used() == (1, 0, 0)
    assert request.meter.usage() == models.Usage(input_tokens=0, output_tokens=0, cost_micros=0)
    settled = request.meter.last_settlement()
    assert settled
    assert without_levels(settled.reservation) == held
    assert settled.used == Amounts(0, 0, 0)


def test_an_attempt_that_sent_nothing_leaves_the_request_to_the_next(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of_a_tenant
    _provider(monkeypatch, ProviderFailure(FailureKind.UNREACHABLE, sent=False))
    assert isinstance(request.call(MINI), ProviderFailure)
    assert not request.meter.anything_sent
    assert request.meter.anything_started
    request.reserve(NANO)
    (held,) = request.in_flight()
    assert held.amounts.requests == 1
    assert request.used() == (0, 0, 0)


def test_a_blocked_answer_whose_usage_the_vendor_told_is_charged_that(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    blocked = Answer(finish="blocked", usage=Usage(input_tokens=900, output_tokens=200))
    simulated_providers.script(ProviderName.OPENAI, blocked)
    failure = request_of_a_tenant.call(MINI)
    assert isinstance(failure, ProviderFailure)
    assert failure.kind is FailureKind.BLOCKED
    (attempt,) = request_of_a_tenant.meter.attempts
    assert (attempt.outcome, attempt.charged_tokens, attempt.cost_micros) == (Outcome.FAILED, 1_100, 255)
    request_of_a_tenant.settle()
    assert request_of_a_tenant.used() == (1, 1_100, 255)


def test_a_fault_of_an_adapter_is_a_failure_that_may_be_billed(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = request_of_a_tenant
    _provider(monkeypatch, ZeroDivisionError("sk-secret"))
    outcome = request.call(MINI)
    assert isinstance(outcome, ProviderFailure)
    assert (outcome.kind, outcome.sent) == (FailureKind.MALFORMED, True)
    (attempt,) = request.meter.attempts
    assert (attempt.charged_tokens, attempt.cost_micros, attempt.estimated) == (1_540, 456, True)
    logged = capsys.readouterr().out
    assert '"an adapter failed"' in logged
    assert '"provider":"openai"' in logged
    assert "ZeroDivisionError" in logged
    assert "sk-secret" not in logged


def test_what_stops_the_process_on_the_way_leaves_an_attempt_charged_in_full(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of_a_tenant
    _provider(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        request.call(MINI)
    request.settle()
    assert request.used() == MOST


def test_nothing_is_begun_without_a_reservation_of_its_own(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, TOLD)
    request.call(MINI)
    with pytest.raises(LookupError, match=r"^an attempt was started without a reservation$"):
        request.meter.attempt(SETTINGS, MINI, STEP.prompt, api_key="sk-test", timeout_s=lambda: 20.0)
    assert simulated_providers.count() == 1
    assert request.meter.attempts[0].charged_tokens == 1_100


def test_the_time_an_attempt_may_take_is_asked_when_its_adapter_is_there(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of_a_tenant
    events: list[str] = []
    given = _provider(monkeypatch, ProviderFailure(FailureKind.TIMEOUT), on_made=lambda: events.append("adapter"))

    def timeout_s() -> float:
        events.append("time")
        return 7.5

    request.reserve(MINI)
    request.meter.attempt(SETTINGS, MINI, STEP.prompt, api_key="sk-test", timeout_s=timeout_s)
    assert events == ["adapter", "time"]
    assert given == [(STEP.prompt, "gpt-4o-mini", "sk-test", 7.5)]


def test_the_time_an_attempt_took_is_in_milliseconds(
    request_of_a_tenant: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([100.0, 101.25])
    _provider(monkeypatch, ProviderFailure(FailureKind.TIMEOUT))
    request_of_a_tenant.reserve(MINI)
    monkeypatch.setattr("nexus_ai.gateway.attempts.time.monotonic", lambda: next(moments))
    meter = request_of_a_tenant.meter
    meter.attempt(SETTINGS, MINI, STEP.prompt, api_key="sk-test", timeout_s=lambda: 20.0)
    monkeypatch.undo()
    assert meter.attempts[0].latency_ms == 1_250


def test_what_was_reserved_and_not_begun_is_given_back(request_of_a_tenant: Request) -> None:
    request = request_of_a_tenant
    assert request.meter.last_settlement() is None
    request.reserve(MINI)
    request.meter.release()
    request.reserve(NANO)
    (held,) = request.in_flight()
    assert held.model == "gpt-4.1-nano"
    request.settle()
    assert request.in_flight() == []
    assert request.used() == (0, 0, 0)


def test_where_the_next_attempt_does_not_fit_the_last_one_stays_to_be_settled(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    set_limits(request.limits, request.caller.tenant_id, limits(tokens=2_000))
    simulated_providers.script(ProviderName.OPENAI, TOLD)
    request.call(MINI)
    with pytest.raises(LimitExceeded):
        request.reserve(NANO)
    request.settle()
    assert request.used() == (1, 1_100, 255)


def test_a_provider_that_was_passed_over_is_noted_and_costs_nothing(request_of_a_tenant: Request) -> None:
    meter = request_of_a_tenant.meter
    meter.skip(ROUTED, "circuit_open")
    assert meter.attempts == [
        Attempt(
            provider="openrouter",
            model="openai/gpt-4o-mini",
            outcome=Outcome.SKIPPED,
            error_code="circuit_open",
            cost_micros=0,
        )
    ]
    assert not meter.anything_started
    assert not meter.has_tried("openrouter", "openai/gpt-4o-mini")
    assert meter.usage() == models.Usage(input_tokens=0, output_tokens=0, cost_micros=0)


def test_what_was_tried_is_a_model_of_a_provider(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    meter = request_of_a_tenant.meter
    meter.skip(ROUTED, "circuit_open")
    request_of_a_tenant.call(MINI)
    meter.skip(NANO, "circuit_open")
    assert meter.anything_started
    assert meter.anything_sent
    assert meter.has_tried("openai", "gpt-4o-mini")
    assert not meter.has_tried("openai", "gpt-4.1-nano")
    assert not meter.has_tried("openrouter", "gpt-4o-mini")


def test_an_answer_that_broke_the_contract_keeps_its_charge_and_says_so(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    simulated_providers.script(ProviderName.OPENAI, Reset(), TOLD, TOLD)
    for _ in range(3):
        request_of_a_tenant.call(MINI)
    request_of_a_tenant.meter.mark_last_invalid()
    first, second, last = request_of_a_tenant.meter.attempts
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.ANSWERED)
    assert (last.outcome, last.error_code) == (Outcome.INVALID_ANSWER, "invalid_answer")
    assert (last.charged_tokens, last.cost_micros) == (1_100, 255)


def test_usage_is_the_sum_over_the_attempts_or_one_candidates(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, TOLD, TOLD)
    simulated_providers.script(
        ProviderName.OPENROUTER, Answer(text="Oi", usage=Usage(input_tokens=100, output_tokens=10))
    )
    request.meter.skip(UNKNOWN, "circuit_open")
    for candidate in (MINI, ROUTED, NANO):
        request.call(candidate)
    # 900 * 0.1 = 90 and 200 * 0.4 = 80 for the third, and the second told its cost itself.
    assert request.meter.usage() == models.Usage(input_tokens=1_900, output_tokens=410, cost_micros=255 + 14 + 170)
    assert request.meter.usage(ROUTED) == models.Usage(input_tokens=100, output_tokens=10, cost_micros=14)
    assert request.meter.usage(NANO) == models.Usage(input_tokens=900, output_tokens=200, cost_micros=170)


def test_usage_has_no_tokens_where_the_last_attempts_are_an_estimate_and_no_cost_where_a_price_is_unknown(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request = request_of_a_tenant
    simulated_providers.script(ProviderName.OPENAI, Answer(text="Oi", reports_usage=False), TOLD)
    request.call(MINI)
    assert request.meter.usage() == models.Usage(input_tokens=None, output_tokens=None, cost_micros=456)
    request.call(NANO)
    assert request.meter.usage() == models.Usage(input_tokens=900, output_tokens=200, cost_micros=456 + 170)
    set_limits(request.limits, request.caller.tenant_id, limits())
    request.call(UNKNOWN)
    assert request.meter.usage().cost_micros is None


def test_all_steps_together_have_to_fit_before_the_first_is_begun(
    request_of_a_tenant: Request, simulated_providers: SimulatedProviders
) -> None:
    request, tenant = request_of_a_tenant, request_of_a_tenant.caller.tenant_id
    for too_small in (limits(tokens=3_079), limits(cost_micros=911), limits(requests=0)):
        set_limits(request.limits, tenant, too_small)
        with pytest.raises(LimitExceeded):
            request.meter.require(SETTINGS, MINI, [STEP, STEP])
    set_limits(request.limits, tenant, limits(requests=1, tokens=3_080, cost_micros=912))
    request.meter.require(SETTINGS, MINI, [STEP, STEP])
    assert request.in_flight() == []
    simulated_providers.script(ProviderName.OPENAI, TOLD)
    request.call(MINI)
    # The request is there already, and what the attempt used takes the place of what it holds.
    set_limits(request.limits, tenant, limits(requests=1, tokens=1_100 + 3_080, cost_micros=255 + 912))
    request.meter.require(SETTINGS, MINI, [STEP, STEP])
    set_limits(request.limits, tenant, limits(requests=1, tokens=1_100 + 3_079))
    with pytest.raises(LimitExceeded):
        request.meter.require(SETTINGS, MINI, [STEP, STEP])


def test_steps_of_unknown_price_are_refused_while_a_dollar_limit_is_set(request_of_a_tenant: Request) -> None:
    request = request_of_a_tenant
    set_limits(request.limits, request.caller.tenant_id, limits(cost_micros=10**9))
    with pytest.raises(PriceUnknown) as told:
        request.meter.require(SETTINGS, UNKNOWN, [STEP])
    assert "'nobody-knows' of openai" in told.value.detail
    with pytest.raises(PriceUnknown):
        request.reserve(UNKNOWN)
    set_limits(request.limits, request.caller.tenant_id, limits())
    request.meter.require(SETTINGS, UNKNOWN, [STEP])
    request.reserve(UNKNOWN)


def _provider(
    monkeypatch: pytest.MonkeyPatch, outcome: BaseException, on_made: Callable[[], object] = lambda: None
) -> list[tuple[Prompt, str, str, float]]:
    """Puts an adapter in OpenAI's place that ends so, and returns what it is given."""
    given: list[tuple[Prompt, str, str, float]] = []

    class Adapter:
        def complete(self, prompt: Prompt, *, model: str, api_key: str, timeout_s: float) -> Completion:
            given.append((prompt, model, api_key, timeout_s))
            raise outcome

    def made(name: ProviderName) -> Adapter:
        assert name is ProviderName.OPENAI
        on_made()
        return Adapter()

    monkeypatch.setattr("nexus_ai.gateway.attempts.get_provider", made)
    return given
