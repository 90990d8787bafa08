"""The one way of every model call: look up, reserve and open the record, ask providers, settle and close the record.

Nothing reaches a provider without a reservation and an open record. A function killed at any instruction leaves both,
and the sweep (sweeper.py) settles the one and closes the other.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nexus_ai.audit.models import AuditStatus
from nexus_ai.aws.dynamodb.table import Item, Read, Table
from nexus_ai.cache.models import CachedResponse
from nexus_ai.cache.response_cache import Hit, cache_key_for
from nexus_ai.gateway.context import GatewayServices, RequestContext
from nexus_ai.gateway.models import GatewayResponse, public_attempt
from nexus_ai.gateway.prices import context_window
from nexus_ai.gateway.repair import repair_step
from nexus_ai.gateway.retry_policy import RETRY_POLICY, Action
from nexus_ai.gateway.routing import Candidate, route
from nexus_ai.model_calls import InvalidOutputError, MapReducePlan, ModelCall, Step
from nexus_ai.net.concurrency import Work, run_step
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.errors import (
    AllProvidersFailed,
    ContentTooLarge,
    InternalError,
    InvalidCompletion,
    KeyUnreadable,
    MaxTokensTooLow,
    NexusError,
    PriceUnknown,
    RequestRejected,
    StoreUnavailable,
)
from nexus_ai.providers.base import Completion, FailureKind, FinishReason, ProviderFailure
from nexus_ai.providers.registry import REGISTRY
from nexus_ai.settings.models import Strategy, TenantSettings

# The least that is worth beginning an attempt with.
MIN_ATTEMPT_S = 0.5


@dataclass(frozen=True, slots=True)
class Gateway(GatewayServices):
    """The pipeline over its concerns. One a process."""

    def run[T](self, caller: Caller, call: ModelCall[T]) -> GatewayResponse[T]:
        """The answer, from the cache or a provider; raises NexusError. Whatever the end, there is a record of it."""
        return _Pipeline(self, caller, call).run()


class _Pipeline[T]:
    """One request on its way through the steps."""

    def __init__(self, gateway: Gateway, caller: Caller, call: ModelCall[T]) -> None:
        self._gateway = gateway
        self._caller = caller
        self._call = call
        self._context = RequestContext(gateway, caller, call)
        self._attempts = self._context.attempts
        self._first = self._context.candidate
        self._keys: dict[tuple[str, str], str] = {}
        # Whether the Idempotency-Key is this request's: only then may its end be written, or the key given back.
        self._owns_key = False
        # The tenant's item of limits as it stood when the cache was asked, until the first attempt.
        self._limits: Item | None = None
        # Why no answer came of what was tried, for the error that says so.
        self._broken: InvalidOutputError | None = None
        self._too_large: ContentTooLarge | None = None

    def run(self) -> GatewayResponse[T]:
        caller, call, idempotency = self._caller, self._call, self._gateway.idempotency
        claim = Work(lambda: idempotency.claim(caller, call)) if caller.idempotency_key else None
        prepare = Work(self._prepare)
        try:
            run_step([claim, prepare] if claim else [prepare])
            prepared = prepare.result()
            if claim:
                found = claim.result()
                if found:
                    # What is learnt of the first request takes time, in which limits change.
                    self._limits = None
                ended = idempotency.finished(caller, call, found)
                if ended:
                    return self._replay(*idempotency.replay(ended, call))
                self._owns_key = True
            if isinstance(prepared, NexusError):
                raise prepared
            candidates, hit = prepared
            return self._serve(candidates[0], hit) if hit else self._try_candidates(candidates)
        except NexusError as error:
            self._fail(error)
            raise
        except Exception:
            self._fail(InternalError())
            raise

    def _prepare(self) -> tuple[list[Candidate], Hit[T] | None] | NexusError:
        """The candidates, and what the cache has of the first. An error waits for what is known of the key."""
        try:
            # A newer version may have saved a provider that this one has no adapter for.
            self._context.settings = self._gateway.settings.settings(self._caller).of_providers(REGISTRY)
            candidates = route(self._settings, self._call)
        except NexusError as error:
            return error
        self._context.candidate = self._first = candidates[0]
        hit, limits = self._look_up(candidates[0], self._gateway.limits.read(self._caller))
        self._limits = next(iter(limits), None)
        return candidates, hit

    @property
    def _settings(self) -> TenantSettings:
        return self._context.settings

    # The cache.

    def _look_up(self, candidate: Candidate, *beside: Read) -> tuple[Hit[T] | None, Sequence[Item | None]]:
        kept_answers, preferences = self._gateway.response_cache, self._settings.preferences
        return kept_answers.look_up(self._caller, preferences, self._call, self._cache_key(candidate), *beside)

    def _cache_key(self, candidate: Candidate) -> str:
        """Under which the cache keeps the candidate's answer. Made once: it is a hash of the whole question."""
        name = candidate.provider, candidate.model
        if name not in self._keys:
            self._keys[name] = cache_key_for(self._caller, self._call, *name)
        return self._keys[name]

    def _serve(self, candidate: Candidate, hit: Hit[T]) -> GatewayResponse[T]:
        self._context.candidate, kept = candidate, hit.answer
        answer = self._context.response(hit.data, candidate.provider, kept.answered_by, cached=True)
        self._context.deferred_writes.append(lambda: self._gateway.response_cache.count_hit(self._caller, hit))
        record = self._context.record(
            AuditStatus.CACHED,
            cache_key=hit.key,
            saved_tokens=kept.total_tokens,
            saved_cost_micros=kept.cost_micros,
        )
        kept_for_replays = self._gateway.idempotency.completed(self._caller, self._call, answer, kept.text)
        self._require_record(self._context.close(record, kept.text, kept_for_replays))
        return answer

    def _replay(self, text: str, first: GatewayResponse[T]) -> GatewayResponse[T]:
        """The end of the first request with the same Idempotency-Key, recorded as an answer that was kept."""
        self._context.candidate = Candidate(first.provider, first.model)
        self._require_record(self._context.close(self._context.record(AuditStatus.CACHED), text))
        return first

    def _require_record(self, written: bool) -> None:
        """An answer that reached no provider has no open record: without its only one it is not given."""
        if not (written or self._context.opened_record):
            raise StoreUnavailable

    # Providers.

    def _try_candidates(self, candidates: list[Candidate]) -> GatewayResponse[T]:
        larger_than: int | None = None
        failure: FailureKind | None = None
        for place, candidate in enumerate(candidates):
            if self._gateway.circuit_breaker.is_open(self._settings, candidate.provider, candidate.model):
                self._attempts.skip(candidate, "circuit_open")
                continue
            context = context_window(self._settings, candidate.provider, candidate.model)
            if larger_than is not None and (context or 0) <= larger_than:
                self._attempts.skip(candidate, "context_too_small")
                continue
            hit = self._look_up(candidate)[0] if place else None
            if hit:
                return self._serve(candidate, hit)
            self._context.candidate = candidate
            answer, failure = self._try_candidate(candidate, context, len(candidates) - place)
            if answer:
                return answer
            if failure is FailureKind.CONTEXT_TOO_LONG:
                larger_than = max(larger_than or 0, context or 0)
            if self._context.time_left() < MIN_ATTEMPT_S:
                break
        raise self._final_error(failure)

    def _final_error(self, last: FailureKind | None) -> NexusError:
        if last is FailureKind.CONTEXT_TOO_LONG:
            return self._too_large or ContentTooLarge()
        if self._broken:
            return InvalidCompletion(str(self._broken), extra={"problems": list(self._broken.problems)})
        return AllProvidersFailed()

    def _try_candidate(
        self, candidate: Candidate, context: int | None, candidates_left: int
    ) -> tuple[GatewayResponse[T] | None, FailureKind | None]:
        """Asks one provider, part by part where the question does not fit into its context; once more to repair."""
        try:
            step = self._final_step(candidate, context, candidates_left)
        except ContentTooLarge as too_large:
            self._too_large = too_large
            self._attempts.skip(candidate, "context_too_small")
            return None, FailureKind.CONTEXT_TOO_LONG
        may_repair = True
        while isinstance(step, Step):
            outcome = self._complete(candidate, step, candidates_left)
            if not isinstance(outcome, Completion):
                return None, outcome
            read = self._call.parse if may_repair else self._call.parse_or_salvage
            try:
                return self._finish(candidate, outcome, read(outcome.text)), None
            except InvalidOutputError as broken:
                self._attempts.mark_last_invalid()
                if self._call.bounded_by_caller and outcome.finish_reason is FinishReason.LENGTH:
                    raise MaxTokensTooLow from None
                self._broken = broken
                step = repair_step(step, outcome.text, broken) if may_repair else None
                may_repair = False
        return None, step

    def _final_step(self, candidate: Candidate, context: int | None, candidates_left: int) -> Step | FailureKind | None:
        """The step whose answer is the request's: the question itself, or what its parts come to.

        Raises ContentTooLarge where it cannot be divided so that it fits.
        """
        call = self._call
        division: MapReducePlan | None = call.divide(context) if call.divide and context else None
        if division is None:
            return Step(call.prompt, call.input_tokens)
        # Part by part a limit would be spent before it refuses: what all parts may use is asked for first.
        self._attempts.require(self._settings, candidate, division.parts)
        notes: list[str] = []
        for part in division.parts:
            outcome = self._complete(candidate, part, candidates_left)
            if not isinstance(outcome, Completion):
                return outcome
            notes.append(outcome.text)
        return division.join(tuple(notes))

    def _complete(self, candidate: Candidate, step: Step, candidates_left: int) -> Completion | FailureKind | None:
        """One step at one provider, once more where nothing was sent. None is a provider that could not be asked."""
        may_retry = True
        while True:
            if self._context.time_left() < MIN_ATTEMPT_S:
                return None
            api_key = self._start_attempt(candidate, step)
            if api_key is None:
                return None
            if self._context.time_left() < MIN_ATTEMPT_S:
                # The store took so long that nobody would wait for this answer any more.
                self._attempts.release()
                return None
            outcome = self._attempts.attempt(
                self._settings,
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
        """Makes sure of all that an attempt needs; returns the key, None where this provider is passed over."""
        try:
            api_key = self._prepare_attempt(candidate, step)
        except PriceUnknown:
            # The caller's own choice is refused in these words; one of the order is passed over.
            if candidate is self._first:
                raise
            self._attempts.skip(candidate, PriceUnknown.code)
            return None
        except KeyUnreadable:
            obstacle = KeyUnreadable.code
        else:
            circuits, name = self._gateway.circuit_breaker, (candidate.provider, candidate.model)
            if self._attempts.has_tried(*name) or circuits.allow_request(self._caller, self._settings, *name):
                return api_key
            obstacle = "circuit_open"
        self._attempts.release()
        self._attempts.skip(candidate, obstacle)
        return None

    def _prepare_attempt(self, candidate: Candidate, step: Step) -> str:
        """Reserve, open the record and decrypt the key, side by side; return the key."""
        gateway, caller = self._gateway, self._caller
        seen, self._limits = self._limits, None
        if seen:
            # What limits refuse as they stand is refused before anything is written that has to be undone.
            self._attempts.require(self._settings, candidate, [step], seen=seen)
        # With the key, so that an erasure finds what this call keeps even where its end was never written down.
        opened = self._context.record(AuditStatus.OPEN, cache_key=self._cache_key(candidate))
        choice = self._settings.preferences.audit_content
        works: list[Work[Any]] = []
        record = None
        if self._context.opened_record:
            # First the record, then the reservation, whose write settles the attempt before: what is charged is noted.
            gateway.audit_trail.update(opened)
        else:
            self._context.opened_record = True
            record = Work(lambda: gateway.audit_trail.open(self._call, opened, choice))
            works.append(record)
        api_key = gateway.key_ring.in_memory(caller.tenant_id, candidate.usable_config)
        decrypted = Work(lambda: gateway.key_ring.api_key(caller.tenant_id, candidate.usable_config))
        if api_key is None:
            works.append(decrypted)
        reserved = Work(lambda: self._attempts.reserve(self._settings, candidate, step))
        # It ends with the last of them: the record's end must not be overtaken by its begin.
        run_step([*works, reserved], timeout_s=self._context.time_left())
        if record:
            record.result()
        reserved.result()
        # Before the provider is called, so that no kill and no end of a window keeps from telling what was reached.
        gateway.alert_detector.check_levels(caller.tenant_id, self._settings.alerts, self._attempts.levels)
        return decrypted.result() if api_key is None else api_key

    def _apply_retry_policy(self, candidate: Candidate, failure: ProviderFailure) -> None:
        """Does what the table says of a failure; raises RequestRejected where no provider would take the request."""
        rule = RETRY_POLICY[failure.kind]
        if rule.trips:
            self._context.deferred_writes.append(lambda: self._record_failure(candidate, failure))
        if rule.action is Action.STOP:
            raise RequestRejected

    def _record_failure(self, candidate: Candidate, failure: ProviderFailure) -> None:
        gateway, caller = self._gateway, self._caller
        opened = gateway.circuit_breaker.record_failure(
            caller, candidate.provider, candidate.model, failure.retry_after_s
        )
        gateway.alert_detector.record_failure(
            caller.tenant_id,
            self._settings.alerts,
            candidate.usable_config,
            candidate.model,
            failure.kind,
            opened=opened,
        )

    def _record_success(self, provider: str, model: str) -> None:
        gateway, caller = self._gateway, self._caller
        if gateway.circuit_breaker.record_success(caller, self._settings, provider, model):
            gateway.alert_detector.record_recovery(caller.tenant_id, provider, model)

    def _attempt_timeout_s(self, candidates_left: int) -> float:
        """The seconds an attempt may take: half of what is left, all of it for the last provider."""
        left = self._context.time_left()
        return max(MIN_ATTEMPT_S, left if candidates_left <= 1 else left / 2)

    # Ends.

    def _finish(self, candidate: Candidate, completion: Completion, data: T) -> GatewayResponse[T]:
        gateway, caller = self._gateway, self._caller
        answer = self._context.response(data, candidate.provider, completion.model, cached=False)
        provider, model = candidate.provider, candidate.model
        if gateway.circuit_breaker.has_failed(self._settings, provider, model):
            self._context.deferred_writes.append(lambda: self._record_success(provider, model))
        if self._settings.fallback(self._call.module).strategy is Strategy.FASTEST:
            took_ms = self._attempts.attempts[-1].latency_ms
            self._context.deferred_writes.append(
                lambda: gateway.circuit_breaker.record_latency(caller, self._settings, provider, model, took_ms)
            )
        key = self._cache_key(candidate)
        writes = [
            *self._cache_writes(key, candidate, completion),
            *gateway.idempotency.completed(caller, self._call, answer, completion.text),
        ]
        self._context.close(self._context.record(AuditStatus.ANSWERED, cache_key=key), completion.text, writes)
        return answer

    def _cache_writes(self, key: str, candidate: Candidate, completion: Completion) -> list[tuple[Table, Item]]:
        """Whole answers are kept. What one cost is all that was paid for it where it came from."""
        if completion.finish_reason is not FinishReason.STOP or not self._is_complete(completion.text):
            return []
        paid = self._attempts.usage(candidate)
        entry = CachedResponse(
            text=completion.text,
            provider=candidate.provider,
            model=candidate.model,
            answered_by=completion.model,
            input_tokens=paid.input_tokens,
            output_tokens=paid.output_tokens,
            cost_micros=paid.cost_micros,
        )
        return self._gateway.response_cache.writes(self._caller, self._settings.preferences, key, entry)

    def _is_complete(self, text: str) -> bool:
        """Whether nothing of an answer had to be left out."""
        if self._call.salvage is None:
            return True
        with suppress(InvalidOutputError):
            self._call.parse(text)
            return True
        return False

    def _fail(self, error: NexusError) -> None:
        """Writes down an end without an answer. It is a rejection where no attempt was begun."""
        attempts, idempotency = self._attempts.attempts, self._gateway.idempotency
        if attempts:
            error.extra["attempts"] = [public_attempt(attempt) for attempt in attempts]
        rejected = error.status < 500 and not self._attempts.anything_started
        status = AuditStatus.REJECTED if rejected else AuditStatus.FAILED
        writes: list[tuple[Table, Item]] = []
        if self._owns_key and (error.retryable or not self._attempts.anything_started):
            # What ended before any provider was asked may be tried again, too: an administrator may remove its cause.
            # Where the key cannot be given back, it is free once the claim's deadline has passed.
            self._context.deferred_writes.append(lambda: idempotency.release(self._caller))
        elif self._owns_key:
            writes = idempotency.failed(self._caller, self._call, error)
        self._context.close(self._context.record(status, error_code=error.code), None, writes)
