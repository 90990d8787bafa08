"""Test an API key and a model with one real, cheap request to the provider.

A test does not use the tenant's limits; it has a separate hourly limit. It is recorded like every other request. Its
audit record opens with the maximum cost, so that the sweep can charge a test whose function was killed. It closes with
the actual cost.
"""

import time

from nexus_ai.audit.content import completion_content, prompt_content
from nexus_ai.audit.models import Attempt, AuditRecord, AuditStatus, Outcome
from nexus_ai.audit.records import new_record
from nexus_ai.aws.dynamodb import tables
from nexus_ai.gateway.charging import Estimate, charge_completion, charge_failure, estimate
from nexus_ai.gateway.composition import gateway
from nexus_ai.gateway.retry_policy import RETRY_POLICY
from nexus_ai.gateway.routing import Candidate
from nexus_ai.limits.hourly import HourlyCounter
from nexus_ai.limits.models import NOTHING, Amounts, Reservation
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import SETTLE_S
from nexus_ai.platform.errors import LimitExceeded
from nexus_ai.providers.base import Completion, Message, Prompt, ProviderFailure, ProviderName
from nexus_ai.providers.registry import get_provider
from nexus_ai.settings.models import ConnectionResult
from nexus_ai.settings.provider_configs.connection_results import CODES, TIMEOUT_S, ConnectionCode

COUNTED = "connectionTestsPerHour"
TESTS_PER_HOUR = 30
MODULE = "administration"
_PROMPT_TEXT = "Reply with the word OK."
# Reasoning models use some tokens before the first output token; Gemini 2.5 Pro uses at least 128.
_PROMPT = Prompt(system="", messages=(Message(role="user", text=_PROMPT_TEXT),), max_tokens=256)
_CALL = ModelCall(
    task="connection-test",
    prompt_version="1",
    module=MODULE,
    prompt=_PROMPT,
    input_tokens=len(_PROMPT_TEXT),
    parameters={},
    parse=str,
)


def try_connection(caller: Caller, provider: ProviderName, model: str, api_key: str) -> ConnectionResult:
    """Send a test request to the provider and record it.

    Raises:
        LimitExceeded: The tenant has used up its tests of this hour.
        StoreUnavailable: The store cannot be reached.
    """
    return _ConnectionTest(caller, provider, model).run(api_key)


class _ConnectionTest:
    """Connection test in progress."""

    def __init__(self, caller: Caller, provider: ProviderName, model: str) -> None:
        self._gateway = gateway()
        self._caller = caller
        self._candidate = Candidate(provider, model)
        self._settings = self._gateway.settings.settings(caller)
        self._maximum = estimate(self._settings, self._candidate, _CALL.input_tokens, _PROMPT.max_tokens)
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
        opened = self._record(AuditStatus.OPEN, (_abandoned_attempt(self._candidate, self._maximum),))
        gateway.audit_trail.open(_CALL, opened, choice)
        outcome = self._send_with_retry(api_key)
        failure = outcome.kind if isinstance(outcome, ProviderFailure) else None
        code = CODES[failure] if failure else ConnectionCode.OK
        status = AuditStatus.ANSWERED if code is ConnectionCode.OK else AuditStatus.FAILED
        error_code = failure.value if failure and code is not ConnectionCode.OK else None
        content = completion_content(outcome.text, choice) if isinstance(outcome, Completion) else []
        record = self._record(status, tuple(self._attempts), error_code=error_code)
        gateway.audit_trail.close(self._caller, record, content)
        return ConnectionResult(
            code=code,
            model=self._candidate.model,
            latency_ms=self._attempts[-1].latency_ms,
            at_ms=gateway.clock.now_ms(),
        )

    def _send_with_retry(self, api_key: str) -> Completion | ProviderFailure:
        """Send the request. Repeat it if the failure happened before anything was sent."""
        outcome = self._attempt(api_key)
        if isinstance(outcome, ProviderFailure) and not outcome.sent and RETRY_POLICY[outcome.kind].retries_unsent:
            outcome = self._attempt(api_key)
        return outcome

    def _attempt(self, api_key: str) -> Completion | ProviderFailure:
        adapter = get_provider(ProviderName(self._candidate.provider))
        remaining_s = self._caller.deadline.remaining_s(self._gateway.clock) - SETTLE_S
        began = time.monotonic()
        outcome: Completion | ProviderFailure
        try:
            outcome = adapter.complete(
                _PROMPT, model=self._candidate.model, api_key=api_key, timeout_s=max(0.5, min(TIMEOUT_S, remaining_s))
            )
        except ProviderFailure as failure:
            outcome = failure
        latency_ms = int((time.monotonic() - began) * 1000)
        reserved = _nominal_reservation(self._candidate, self._maximum)
        if isinstance(outcome, ProviderFailure):
            _, attempt = charge_failure(self._settings, self._candidate, reserved, outcome, latency_ms)
        else:
            _, attempt = charge_completion(self._settings, self._candidate, reserved, outcome.usage, latency_ms)
        self._attempts.append(attempt)
        return outcome

    def _record(self, status: AuditStatus, attempts: tuple[Attempt, ...], error_code: str | None = None) -> AuditRecord:
        return new_record(
            self._caller,
            _CALL,
            status,
            time_zone=self._settings.preferences.time_zone or self._gateway.default_time_zone,
            now_ms=self._gateway.clock.now_ms(),
            provider=self._candidate.provider,
            model=self._candidate.model,
            attempts=attempts,
            error_code=error_code,
        )


def _nominal_reservation(candidate: Candidate, maximum: Estimate) -> Reservation:
    """Return a reservation to charge the attempt with if the provider reports no usage. No limit is reserved."""
    return Reservation(
        id="test.1",
        amounts=Amounts(0, maximum.tokens, maximum.cost_micros),
        deadline_ms=0,
        provider=candidate.provider,
        model=candidate.model,
        ends=NOTHING,
    )


def _abandoned_attempt(candidate: Candidate, maximum: Estimate) -> Attempt:
    """Return the attempt as the sweep charges it if the function is killed."""
    return Attempt(
        provider=candidate.provider,
        model=candidate.model,
        outcome=Outcome.ABANDONED,
        error_code="abandoned",
        sent=True,
        charged_tokens=maximum.tokens,
        cost_micros=maximum.cost_micros if maximum.price_known else None,
        estimated=True,
    )
