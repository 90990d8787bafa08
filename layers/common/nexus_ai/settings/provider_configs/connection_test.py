"""Whether a key and a model work: one real call, as cheap as a call can be, recorded like every other.

It takes nothing of the company's limits but has a small one of its own. Its record is opened with the most that it can
cost, so that a function killed in the middle leaves a charge for the sweep to close, and ends with what it did cost.
"""

import time

from nexus_ai.audit.content import completion_content, prompt_content
from nexus_ai.audit.models import Attempt, AuditRecord, AuditStatus, Outcome
from nexus_ai.aws.dynamodb import tables
from nexus_ai.gateway.charging import Estimate, charge_completion, charge_failure, estimate
from nexus_ai.gateway.composition import gateway
from nexus_ai.gateway.retry_policy import RETRY_POLICY
from nexus_ai.gateway.routing import Candidate
from nexus_ai.limits.hourly import HourlyCounter
from nexus_ai.limits.models import ABANDONED_AFTER_MS, NOTHING, Amounts, Reservation
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import SETTLE_S, local_day
from nexus_ai.platform.errors import LimitExceeded
from nexus_ai.providers.base import Completion, Message, Prompt, ProviderFailure, ProviderName
from nexus_ai.providers.registry import get_provider
from nexus_ai.settings.models import ConnectionResult
from nexus_ai.settings.provider_configs.connection_results import CODES, TIMEOUT_S, ConnectionCode

COUNTED = "connectionTestsPerHour"
TESTS_PER_HOUR = 30
MODULE = "administration"
_QUESTION = "Reply with the word OK."
# Models that think use some tokens before their first word, Gemini 2.5 Pro 128 at least.
_PROMPT = Prompt(system="", messages=(Message(role="user", text=_QUESTION),), max_tokens=256)
_CALL = ModelCall(
    task="connection-test",
    prompt_version="1",
    module=MODULE,
    prompt=_PROMPT,
    input_tokens=len(_QUESTION),
    parameters={},
    parse=str,
)


def try_connection(caller: Caller, provider: ProviderName, model: str, api_key: str) -> ConnectionResult:
    """Asks the provider, and writes down that it was asked; raises LimitExceeded and StoreUnavailable."""
    return _ConnectionTest(caller, provider, model).run(api_key)


class _ConnectionTest:
    """One test on its way."""

    def __init__(self, caller: Caller, provider: ProviderName, model: str) -> None:
        self._gateway = gateway()
        self._caller = caller
        self._candidate = Candidate(provider, model)
        self._settings = self._gateway.settings.settings(caller)
        self._most = estimate(self._settings, self._candidate, _CALL.input_tokens, _PROMPT.max_tokens)
        self._attempts: list[Attempt] = []

    def run(self, api_key: str) -> ConnectionResult:
        gateway, choice = self._gateway, self._settings.preferences.audit_content
        try:
            HourlyCounter(tables.rate_limits(), COUNTED, TESTS_PER_HOUR).take(
                self._caller.tenant_id, gateway.clock.now_ms()
            )
        except LimitExceeded as error:
            record = self._record(AuditStatus.REJECTED, (), error_code=error.code)
            gateway.audit_trail.close(self._caller, record, prompt_content(_CALL, choice))
            raise
        opened = self._record(AuditStatus.OPEN, (_worst(self._candidate, self._most),))
        gateway.audit_trail.open(_CALL, opened, choice)
        outcome = self._ask(api_key)
        failure = outcome.kind if isinstance(outcome, ProviderFailure) else None
        code = CODES[failure] if failure else ConnectionCode.OK
        status = AuditStatus.ANSWERED if code is ConnectionCode.OK else AuditStatus.FAILED
        error_code = failure.value if failure and code is not ConnectionCode.OK else None
        answer = completion_content(outcome.text, choice) if isinstance(outcome, Completion) else []
        record = self._record(status, tuple(self._attempts), error_code=error_code)
        gateway.audit_trail.close(self._caller, record, answer)
        return ConnectionResult(
            code=code,
            model=self._candidate.model,
            latency_ms=self._attempts[-1].latency_ms,
            at_ms=gateway.clock.now_ms(),
        )

    def _ask(self, api_key: str) -> Completion | ProviderFailure:
        """One call, and one more where nothing was sent of the first."""
        outcome = self._attempt(api_key)
        if isinstance(outcome, ProviderFailure) and not outcome.sent and RETRY_POLICY[outcome.kind].retries_unsent:
            outcome = self._attempt(api_key)
        return outcome

    def _attempt(self, api_key: str) -> Completion | ProviderFailure:
        adapter = get_provider(ProviderName(self._candidate.provider))
        left = self._caller.deadline.remaining_s(self._gateway.clock) - SETTLE_S
        began = time.monotonic()
        outcome: Completion | ProviderFailure
        try:
            outcome = adapter.complete(
                _PROMPT, model=self._candidate.model, api_key=api_key, timeout_s=max(0.5, min(TIMEOUT_S, left))
            )
        except ProviderFailure as failure:
            outcome = failure
        took_ms = int((time.monotonic() - began) * 1000)
        reserved = _reserved(self._candidate, self._most)
        if isinstance(outcome, ProviderFailure):
            _, attempt = charge_failure(self._settings, self._candidate, reserved, outcome, took_ms)
        else:
            _, attempt = charge_completion(self._settings, self._candidate, reserved, outcome.usage, took_ms)
        self._attempts.append(attempt)
        return outcome

    def _record(self, status: AuditStatus, attempts: tuple[Attempt, ...], error_code: str | None = None) -> AuditRecord:
        caller, gateway = self._caller, self._gateway
        zone = self._settings.preferences.time_zone or gateway.default_time_zone
        took_ms = max(0, gateway.clock.now_ms() - caller.started_at_ms)
        return AuditRecord(
            id=caller.request_id,
            at_ms=caller.started_at_ms,
            day=local_day(caller.started_at_ms, zone),
            time_zone=zone,
            deadline_ms=caller.deadline.at_ms + ABANDONED_AFTER_MS,
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            module=MODULE,
            endpoint=caller.endpoint,
            task=_CALL.task,
            prompt_version=_CALL.prompt_version,
            status=status,
            provider=self._candidate.provider,
            model=self._candidate.model,
            attempts=attempts,
            error_code=error_code,
            ip=caller.ip,
            user_agent=caller.user_agent,
            latency_ms=None if status is AuditStatus.OPEN else took_ms,
        )


def _reserved(candidate: Candidate, most: Estimate) -> Reservation:
    """What the attempt is charged by where the vendor tells nothing: no limit holds it."""
    return Reservation(
        id="test.1",
        amounts=Amounts(0, most.tokens, most.cost_micros),
        deadline_ms=0,
        provider=candidate.provider,
        model=candidate.model,
        ends=NOTHING,
    )


def _worst(candidate: Candidate, most: Estimate) -> Attempt:
    """The attempt as it is charged where its function is killed in the middle of it."""
    return Attempt(
        provider=candidate.provider,
        model=candidate.model,
        outcome=Outcome.ABANDONED,
        error_code="abandoned",
        sent=True,
        charged_tokens=most.tokens,
        cost_micros=most.cost_micros if most.price_known else None,
        estimated=True,
    )
