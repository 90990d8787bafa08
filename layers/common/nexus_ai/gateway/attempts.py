"""The attempts of one request: each is reserved before it is begun, and charged when it has ended."""

import time
from collections.abc import Callable, Sequence

from nexus_ai.audit.models import Attempt, Outcome
from nexus_ai.aws.dynamodb.table import Item
from nexus_ai.gateway.charging import charge_completion, charge_failure, estimate
from nexus_ai.gateway.models import Usage
from nexus_ai.gateway.routing import Candidate
from nexus_ai.limits.models import (
    ABANDONED_AFTER_MS,
    NOTHING,
    Amounts,
    Level,
    Reservation,
    ReservationRequest,
    Settlement,
)
from nexus_ai.limits.service import LimitService
from nexus_ai.model_calls import Step
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.observability import logger
from nexus_ai.providers.base import Completion, FailureKind, Prompt, ProviderFailure, ProviderName
from nexus_ai.providers.registry import get_provider
from nexus_ai.settings.models import TenantSettings


class AttemptTracker:
    def __init__(self, limits: LimitService, caller: Caller) -> None:
        self._limits = limits
        self._caller = caller
        self._reserved = 0
        # The attempt that may be begun, and the one that has ended and is settled with the next or at the end.
        self._open: Reservation | None = None
        self._pending: Settlement | None = None
        self.attempts: list[Attempt] = []

    def require(
        self, settings: TenantSettings, candidate: Candidate, steps: Sequence[Step], *, seen: Item | None = None
    ) -> None:
        """Raises what LimitService does where all steps together do not fit into what is left; reserves nothing.

        `seen` is the tenant's item of limits where it was read just now.
        """
        most = [estimate(settings, candidate, step.input_tokens, step.prompt.max_tokens) for step in steps]
        self._limits.require(
            self._caller,
            ReservationRequest(
                id=self._caller.request_id,
                amounts=Amounts(
                    0 if self.anything_sent else 1,
                    sum(step.tokens for step in most),
                    sum(step.cost_micros for step in most),
                ),
                deadline_ms=self._caller.deadline.at_ms,
                provider=candidate.provider,
                model=candidate.model,
                price_known=all(step.price_known for step in most),
            ),
            settled=self._pending,
            seen=seen,
        )

    def reserve(self, settings: TenantSettings, candidate: Candidate, step: Step) -> None:
        """Reserves the most that an attempt can use, and settles the attempt before it in the same write.

        All attempts are one request: the first one holds it until something was sent. Raises what LimitService does.
        """
        most = estimate(settings, candidate, step.input_tokens, step.prompt.max_tokens)
        self._reserved += 1
        ask = ReservationRequest(
            id=f"{self._caller.request_id}.{self._reserved}",
            amounts=Amounts(0 if self.anything_sent else 1, most.tokens, most.cost_micros),
            deadline_ms=self._caller.deadline.at_ms + ABANDONED_AFTER_MS,
            provider=candidate.provider,
            model=candidate.model,
            price_known=most.price_known,
            watched=bool(settings.alerts.emails),
        )
        self._open = self._limits.reserve(self._caller, ask, settled=self._pending)
        self._pending = None

    def attempt(
        self,
        settings: TenantSettings,
        candidate: Candidate,
        prompt: Prompt,
        *,
        api_key: str,
        timeout_s: Callable[[], float],
    ) -> Completion | ProviderFailure:
        """One call of a provider, under the reservation that was made for it.

        `timeout_s` is asked once the adapter is there: a vendor's SDK takes up to two seconds to be imported.
        """
        reservation, self._open = self._open, None
        if reservation is None:
            raise LookupError("an attempt was begun without a reservation")
        # Until it is known what the attempt used, it used all: no fault on the way may give back what was sent.
        self._pending = Settlement(reservation=reservation, used=reservation.amounts)
        began = time.monotonic()
        outcome = _complete(candidate, prompt, api_key, timeout_s)
        took_ms = int((time.monotonic() - began) * 1000)
        if isinstance(outcome, ProviderFailure):
            self._pending, attempt = charge_failure(settings, candidate, reservation, outcome, took_ms)
        else:
            self._pending, attempt = charge_completion(settings, candidate, reservation, outcome.usage, took_ms)
        self.attempts.append(attempt)
        return outcome

    @property
    def levels(self) -> tuple[Level, ...]:
        """How far the limits are used with the attempt that may be begun; empty where nobody is to be told."""
        return self._open.levels if self._open else ()

    def release(self) -> None:
        """The attempt that was reserved for is not begun after all; its reservation is settled with the next one."""
        if self._open:
            self._pending, self._open = Settlement(reservation=self._open, used=NOTHING), None

    def skip(self, candidate: Candidate, reason: str) -> None:
        """Notes a provider that was not asked, and why."""
        self.attempts.append(
            Attempt(
                provider=candidate.provider,
                model=candidate.model,
                outcome=Outcome.SKIPPED,
                error_code=reason,
                cost_micros=0,
            )
        )

    def mark_last_invalid(self) -> None:
        """The last attempt was answered, and its answer broke the task's contract."""
        broken = {"outcome": Outcome.INVALID_ANSWER, "error_code": "invalid_answer"}
        self.attempts[-1] = self.attempts[-1].model_copy(update=broken)

    def last_settlement(self) -> Settlement | None:
        """What is still to be settled when the request ends; a reservation that was not used is given back."""
        self.release()
        return self._pending

    @property
    def anything_sent(self) -> bool:
        return any(attempt.sent for attempt in self.attempts)

    def has_tried(self, provider: str, model: str) -> bool:
        """Whether an attempt at this model was begun, so that its probe, if it took one, is this request's."""
        tried = (attempt for attempt in self.attempts if attempt.outcome is not Outcome.SKIPPED)
        return any((attempt.provider, attempt.model) == (provider, model) for attempt in tried)

    @property
    def anything_started(self) -> bool:
        return any(attempt.outcome is not Outcome.SKIPPED for attempt in self.attempts)

    def usage(self, candidate: Candidate | None = None) -> Usage:
        """The sum over the attempts, or one candidate's: tokens as they were told, and all that was charged.

        Tokens are None where the last attempt's are estimated, since an estimate has no split.
        """
        begun = [
            attempt
            for attempt in self.attempts
            if attempt.outcome is not Outcome.SKIPPED
            and (candidate is None or (attempt.provider, attempt.model) == (candidate.provider, candidate.model))
        ]
        unknown = bool(begun) and begun[-1].estimated
        costs = [attempt.cost_micros for attempt in begun]
        return Usage(
            input_tokens=None if unknown else sum(attempt.input_tokens or 0 for attempt in begun),
            output_tokens=None if unknown else sum(attempt.output_tokens or 0 for attempt in begun),
            cost_micros=None if None in costs else sum(cost or 0 for cost in costs),
        )


def _complete(
    candidate: Candidate, prompt: Prompt, api_key: str, timeout_s: Callable[[], float]
) -> Completion | ProviderFailure:
    try:
        provider = get_provider(ProviderName(candidate.provider))
        return provider.complete(prompt, model=candidate.model, api_key=api_key, timeout_s=timeout_s())
    except ProviderFailure as failure:
        return failure
    except Exception as error:  # noqa: BLE001 (a fault in an adapter may come after the request was sent, and billed)
        logger().error("an adapter failed", extra={"provider": candidate.provider}, exc_info=error)
        return ProviderFailure(FailureKind.MALFORMED)
