"""Run one step of a model call with one candidate: reserve limits, open the record, call the provider, retry."""

from typing import Any

from nexus_ai.audit.models import AuditStatus
from nexus_ai.gateway.context import GatewayServices, RequestContext
from nexus_ai.gateway.retry_policy import RETRY_POLICY, Action
from nexus_ai.gateway.routing import Candidate
from nexus_ai.model_calls import Step
from nexus_ai.net.concurrency import Work, run_step
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.errors import KeyUnreadable, PriceUnknown, RequestRejected
from nexus_ai.providers.base import Completion, FailureKind, ProviderFailure

# An attempt with less time than this could not return a completion, so none is started.
MIN_ATTEMPT_S = 0.5


class StepRunner[T]:
    """Steps of one request: each is sent to one candidate, within the limits and on record."""

    def __init__(self, services: GatewayServices, caller: Caller, context: RequestContext[T]) -> None:
        self._services = services
        self._caller = caller
        self._context = context
        self._attempts = context.attempts

    def complete(self, candidate: Candidate, step: Step, candidates_left: int) -> Completion | FailureKind | None:
        """Run one step, and retry it once if nothing was sent; None if the candidate is skipped or no time is left."""
        may_retry = True
        while True:
            if self._context.time_left_s() < MIN_ATTEMPT_S:
                return None
            api_key = self._start_attempt(candidate, step)
            if api_key is None:
                return None
            if self._context.time_left_s() < MIN_ATTEMPT_S:
                # The reservation took so long that the completion would come after the deadline.
                self._attempts.release()
                return None
            outcome = self._attempts.attempt(
                self._context.settings,
                candidate,
                step.prompt,
                api_key=api_key,
                timeout_s=lambda: self._attempt_timeout_s(candidates_left),
            )
            if isinstance(outcome, Completion):
                return outcome
            if may_retry and RETRY_POLICY[outcome.kind].retries_unsent and not outcome.sent:
                may_retry = False
                continue
            self._apply_retry_policy(candidate, outcome)
            return outcome.kind

    def _start_attempt(self, candidate: Candidate, step: Step) -> str | None:
        """Prepare an attempt; return the provider's API key, or None if the candidate is skipped."""
        try:
            api_key = self._prepare_attempt(candidate, step)
        except PriceUnknown:
            # A missing price of the first candidate ends the request. Later candidates are skipped.
            if candidate is self._context.first_candidate:
                raise
            self._attempts.skip(candidate, PriceUnknown.code)
            return None
        except KeyUnreadable:
            skip_reason = KeyUnreadable.code
        else:
            breaker, name = self._services.circuit_breaker, (candidate.provider, candidate.model)
            if self._attempts.has_tried(*name) or breaker.allow_request(self._caller, self._context.settings, *name):
                return api_key
            skip_reason = "circuit_open"
        self._attempts.release()
        self._attempts.skip(candidate, skip_reason)
        return None

    def _prepare_attempt(self, candidate: Candidate, step: Step) -> str:
        """Reserve limits, open the audit record and decrypt the API key concurrently; return the key."""
        services, caller = self._services, self._caller
        limits_item, self._context.limits_item = self._context.limits_item, None
        if limits_item:
            # Reject the request before anything is written if the limits that were read already refuse it.
            self._attempts.require(self._context.settings, candidate, [step], seen=limits_item)
        # An erasure finds the cached response of an abandoned request by the cache key in its record.
        opened = self._context.record(AuditStatus.OPEN, cache_key=self._context.cache_key(candidate))
        content_policy = self._context.settings.preferences.audit_content
        works: list[Work[Any]] = []
        record = None
        if self._context.opened_record:
            # Write the last attempt into the record before its settlement, which the reservation below includes.
            services.audit_trail.update(opened)
        else:
            self._context.opened_record = True
            record = Work(lambda: services.audit_trail.open(self._context.call, opened, content_policy))
            works.append(record)
        api_key = services.key_ring.in_memory(caller.tenant_id, candidate.usable_config)
        decrypted = Work(lambda: services.key_ring.api_key(caller.tenant_id, candidate.usable_config))
        if api_key is None:
            works.append(decrypted)
        reserved = Work(lambda: self._attempts.reserve(self._context.settings, candidate, step))
        # Wait for all, even if the reservation is refused: "open" must be written before "closed".
        run_step([*works, reserved], timeout_s=self._context.time_left_s())
        if record:
            record.result()
        reserved.result()
        # Check alerts before the call: the function may be killed, or the window may end, during it.
        services.alert_detector.check_levels(caller.tenant_id, self._context.settings.alerts, self._attempts.levels)
        return decrypted.result() if api_key is None else api_key

    def _apply_retry_policy(self, candidate: Candidate, failure: ProviderFailure) -> None:
        """Apply the retry policy of a failure.

        Raises:
            RequestRejected: The fault is in the request, so every provider would reject it.
        """
        rule = RETRY_POLICY[failure.kind]
        if rule.trips:
            self._context.deferred_writes.append(lambda: self._record_failure(candidate, failure))
        if rule.action is Action.STOP:
            raise RequestRejected

    def _record_failure(self, candidate: Candidate, failure: ProviderFailure) -> None:
        services, caller = self._services, self._caller
        opened = services.circuit_breaker.record_failure(
            caller, candidate.provider, candidate.model, failure.retry_after_s
        )
        services.alert_detector.record_failure(
            caller.tenant_id,
            self._context.settings.alerts,
            candidate.usable_config,
            candidate.model,
            failure.kind,
            opened=opened,
        )

    def record_success(self, provider: str, model: str) -> None:
        """Close the circuit of a model that works again, and end its alert."""
        services, caller = self._services, self._caller
        if services.circuit_breaker.record_success(caller, self._context.settings, provider, model):
            services.alert_detector.record_recovery(caller.tenant_id, provider, model)

    def _attempt_timeout_s(self, candidates_left: int) -> float:
        """Return the seconds that an attempt may take: half of the time left, or all of it for the last candidate."""
        left_s = self._context.time_left_s()
        return max(MIN_ATTEMPT_S, left_s if candidates_left <= 1 else left_s / 2)
