"""Reserve limits for each attempt of a request before it starts, and charge it when it has ended."""

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
    """Attempts of one request, with the reservation and the settlement that are still open."""

    def __init__(self, limits: LimitService, caller: Caller) -> None:
        self._limits = limits
        self._caller = caller
        self._reservation_count = 0
        # Taken for the next attempt, which has not started yet.
        self._reservation: Reservation | None = None
        # Due for the attempt that ended last. It is written with the next reservation or at the end of the request.
        self._pending: Settlement | None = None
        self.attempts: list[Attempt] = []

    def require(
        self, settings: TenantSettings, candidate: Candidate, steps: Sequence[Step], *, seen: Item | None = None
    ) -> None:
        """Check that the limits can cover all steps together, without reserving anything.

        Args:
            settings: The tenant's settings, which hold its own prices.
            candidate: The provider and model that would run the steps.
            steps: All calls of the model that are planned.
            seen: The tenant's rate-limits item if it was read just now. It saves a read.

        Raises:
            LimitExceeded: A limit cannot cover the steps.
            LimitInFlight: The limits can cover the steps only once requests in flight have ended.
            PriceUnknown: The model has no known price while a dollar limit is set.
            StoreUnavailable: The limits cannot be read.
        """
        estimates = [estimate(settings, candidate, step.input_tokens, step.prompt.max_tokens) for step in steps]
        self._limits.require(
            self._caller,
            ReservationRequest(
                id=self._caller.request_id,
                amounts=Amounts(
                    0 if self.anything_sent else 1,
                    sum(each.tokens for each in estimates),
                    sum(each.cost_micros for each in estimates),
                ),
                deadline_ms=self._caller.deadline.at_ms,
                provider=candidate.provider,
                model=candidate.model,
                price_known=all(each.price_known for each in estimates),
            ),
            settled=self._pending,
            seen=seen,
        )

    def reserve(self, settings: TenantSettings, candidate: Candidate, step: Step) -> None:
        """Reserve the most that one attempt can use, and settle the attempt before it in the same write.

        All attempts count as one request. Each reserves that request until something was sent to a provider.

        Raises:
            LimitExceeded: A limit cannot cover the attempt.
            LimitInFlight: The limits can cover the attempt only once requests in flight have ended.
            PriceUnknown: The model has no known price while a dollar limit is set.
            StoreUnavailable: The limits cannot be checked.
        """
        estimated = estimate(settings, candidate, step.input_tokens, step.prompt.max_tokens)
        self._reservation_count += 1
        reservation_request = ReservationRequest(
            id=f"{self._caller.request_id}.{self._reservation_count}",
            amounts=Amounts(0 if self.anything_sent else 1, estimated.tokens, estimated.cost_micros),
            deadline_ms=self._caller.deadline.at_ms + ABANDONED_AFTER_MS,
            provider=candidate.provider,
            model=candidate.model,
            price_known=estimated.price_known,
            watched=bool(settings.alerts.emails),
        )
        self._reservation = self._limits.reserve(self._caller, reservation_request, settled=self._pending)
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
        """Call the provider once, under the reservation that was made for it.

        Args:
            settings: The tenant's settings, which hold its own prices.
            candidate: The provider and model to call.
            prompt: The messages to send.
            api_key: The tenant's API key at the provider.
            timeout_s: Returns the seconds that the call may take. It is called after the adapter is imported,
                because importing a provider's SDK takes up to two seconds.

        Raises:
            LookupError: No reservation was made.
        """
        reservation, self._reservation = self._reservation, None
        if reservation is None:
            raise LookupError("an attempt was started without a reservation")
        # Assume that the attempt used all of its reservation until its usage is known. An exception in between must
        # not release limits for a request that was sent.
        self._pending = Settlement(reservation=reservation, used=reservation.amounts)
        started_at = time.monotonic()
        outcome = _complete(candidate, prompt, api_key, timeout_s)
        latency_ms = int((time.monotonic() - started_at) * 1000)
        if isinstance(outcome, ProviderFailure):
            self._pending, attempt = charge_failure(settings, candidate, reservation, outcome, latency_ms)
        else:
            self._pending, attempt = charge_completion(settings, candidate, reservation, outcome.usage, latency_ms)
        self.attempts.append(attempt)
        return outcome

    @property
    def levels(self) -> tuple[Level, ...]:
        """Return how far each limit is used, the open reservation included.

        Empty if nothing is reserved or the tenant has no alert recipients.
        """
        return self._reservation.levels if self._reservation else ()

    def release(self) -> None:
        """Release the open reservation, because its attempt will not start. The next settlement writes it."""
        if self._reservation:
            self._pending, self._reservation = Settlement(reservation=self._reservation, used=NOTHING), None

    def skip(self, candidate: Candidate, reason: str) -> None:
        """Record a candidate that was not called, with the error code that says why."""
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
        """Mark the last attempt as one whose completion broke the output contract."""
        outcome = {"outcome": Outcome.INVALID_ANSWER, "error_code": "invalid_answer"}
        self.attempts[-1] = self.attempts[-1].model_copy(update=outcome)

    def last_settlement(self) -> Settlement | None:
        """Return the settlement that is due when the request ends; an unused reservation is released."""
        self.release()
        return self._pending

    @property
    def anything_sent(self) -> bool:
        """Return True if a request may have reached any provider."""
        return any(attempt.sent for attempt in self.attempts)

    def has_tried(self, provider: str, model: str) -> bool:
        """Return True if an attempt with this model was started.

        If its circuit was half-open, this request then holds the probe.
        """
        started = (attempt for attempt in self.attempts if attempt.outcome is not Outcome.SKIPPED)
        return any((attempt.provider, attempt.model) == (provider, model) for attempt in started)

    @property
    def anything_started(self) -> bool:
        """Return True if any attempt was started, sent or not."""
        return any(attempt.outcome is not Outcome.SKIPPED for attempt in self.attempts)

    def usage(self, candidate: Candidate | None = None) -> Usage:
        """Return the sum of reported tokens and of charged cost, over all attempts or those of one candidate.

        Tokens are None if the last attempt's usage is estimated: an estimate is not split into input and output.
        The cost is None if the cost of any attempt is unknown.
        """
        started = [
            attempt
            for attempt in self.attempts
            if attempt.outcome is not Outcome.SKIPPED
            and (candidate is None or (attempt.provider, attempt.model) == (candidate.provider, candidate.model))
        ]
        is_estimated = bool(started) and started[-1].estimated
        costs = [attempt.cost_micros for attempt in started]
        return Usage(
            input_tokens=None if is_estimated else sum(attempt.input_tokens or 0 for attempt in started),
            output_tokens=None if is_estimated else sum(attempt.output_tokens or 0 for attempt in started),
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
    except Exception as error:  # noqa: BLE001 (an adapter may fail after its request was sent and billed)
        logger().error("an adapter failed", extra={"provider": candidate.provider}, exc_info=error)
        return ProviderFailure(FailureKind.MALFORMED)
