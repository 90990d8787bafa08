"""Run every model call: look up the cache, reserve limits, open the record, call providers, settle, close the record.

Nothing reaches a provider without a reservation and an open audit record. A function that is killed at any instruction
leaves both behind. The sweep (sweeper.py) then settles the reservation and closes the record.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from nexus_ai.audit.models import AuditStatus
from nexus_ai.aws.dynamodb.table import Item, Read, Table
from nexus_ai.cache.models import CachedResponse
from nexus_ai.cache.response_cache import Hit
from nexus_ai.gateway.context import GatewayServices, RequestContext
from nexus_ai.gateway.models import GatewayResponse, public_attempt
from nexus_ai.gateway.prices import context_window
from nexus_ai.gateway.repair import repair_step
from nexus_ai.gateway.routing import Candidate, route
from nexus_ai.gateway.step_runner import MIN_ATTEMPT_S, StepRunner
from nexus_ai.model_calls import InvalidOutputError, MapReducePlan, ModelCall, Step
from nexus_ai.net.concurrency import Work, run_step
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.errors import (
    AllProvidersFailed,
    ContentTooLarge,
    InternalError,
    InvalidCompletion,
    MaxTokensTooLow,
    NexusError,
    StoreUnavailable,
)
from nexus_ai.providers.base import Completion, FailureKind, FinishReason
from nexus_ai.providers.registry import REGISTRY
from nexus_ai.settings.models import Strategy, TenantSettings


@dataclass(frozen=True, slots=True)
class Gateway(GatewayServices):
    """Pipeline with its services, one per process."""

    def run[T](self, caller: Caller, call: ModelCall[T]) -> GatewayResponse[T]:
        """Return the response to a model call, from the cache or a provider. Each call gets an audit record.

        Raises:
            NexusError: The request was rejected, or no provider returned a valid completion.
        """
        return _Pipeline(self, caller, call).run()


class _Pipeline[T]:
    """Pipeline of one request."""

    def __init__(self, gateway: Gateway, caller: Caller, call: ModelCall[T]) -> None:
        self._gateway = gateway
        self._caller = caller
        self._call = call
        self._context = RequestContext(gateway, caller, call)
        self._attempts = self._context.attempts
        self._steps = StepRunner(gateway, caller, self._context)
        # Only the request that claimed the Idempotency-Key may store a result under it or release it.
        self._owns_idempotency_key = False
        # The reasons for the final error if no candidate returns a valid completion.
        self._invalid_output: InvalidOutputError | None = None
        self._too_large: ContentTooLarge | None = None

    def run(self) -> GatewayResponse[T]:
        caller, call, idempotency = self._caller, self._call, self._gateway.idempotency
        claim = Work(lambda: idempotency.claim(caller, call)) if caller.idempotency_key else None
        prepare = Work(self._prepare)
        try:
            run_step([claim, prepare] if claim else [prepare])
            prepared = prepare.result()
            if claim:
                first = claim.result()
                if first:
                    # Limits may change while this request waits for the first one.
                    self._context.limits_item = None
                ended = idempotency.wait_for_end(caller, call, first)
                if ended:
                    return self._replay(*idempotency.replay(ended, call))
                self._owns_idempotency_key = True
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
        """Return the candidates and the cache hit of the first one, if any.

        An error is returned and not raised, because a replay takes precedence over it.
        """
        try:
            # A newer version may have saved a provider for which this one has no adapter.
            self._context.settings = self._gateway.settings.settings(self._caller).of_providers(REGISTRY)
            candidates = route(self._settings, self._call)
        except NexusError as error:
            return error
        self._context.candidate = self._context.first_candidate = candidates[0]
        hit, limits_items = self._look_up(candidates[0], self._gateway.limits.read(self._caller))
        self._context.limits_item = next(iter(limits_items), None)
        return candidates, hit

    @property
    def _settings(self) -> TenantSettings:
        return self._context.settings

    # Cache hits and replays.

    def _look_up(self, candidate: Candidate, *other_reads: Read) -> tuple[Hit[T] | None, Sequence[Item | None]]:
        response_cache, preferences = self._gateway.response_cache, self._settings.preferences
        key = self._context.cache_key(candidate)
        return response_cache.look_up(self._caller, preferences, self._call, key, *other_reads)

    def _serve(self, candidate: Candidate, hit: Hit[T]) -> GatewayResponse[T]:
        self._context.candidate, cached = candidate, hit.response
        response = self._context.response(hit.data, candidate.provider, cached.answered_by, cached=True)
        self._context.deferred_writes.append(lambda: self._gateway.response_cache.count_hit(self._caller, hit))
        record = self._context.record(
            AuditStatus.CACHED,
            cache_key=hit.key,
            saved_tokens=cached.total_tokens,
            saved_cost_micros=cached.cost_micros,
        )
        writes = self._gateway.idempotency.response_writes(self._caller, self._call, response, cached.text)
        self._require_record(self._context.close(record, cached.text, writes))
        return response

    def _replay(self, text: str, first: GatewayResponse[T]) -> GatewayResponse[T]:
        """Return the first request's response, and record this request as cached."""
        self._context.candidate = Candidate(first.provider, first.model)
        self._require_record(self._context.close(self._context.record(AuditStatus.CACHED), text))
        return first

    def _require_record(self, written: bool) -> None:
        """Raise StoreUnavailable for a response from the cache or a replay whose audit record was not written."""
        if not (written or self._context.opened_record):
            raise StoreUnavailable

    # Attempts.

    def _try_candidates(self, candidates: list[Candidate]) -> GatewayResponse[T]:
        larger_than: int | None = None
        failure: FailureKind | None = None
        for index, candidate in enumerate(candidates):
            if self._gateway.circuit_breaker.is_open(self._settings, candidate.provider, candidate.model):
                self._attempts.skip(candidate, "circuit_open")
                continue
            context = context_window(self._settings, candidate.provider, candidate.model)
            if larger_than is not None and (context or 0) <= larger_than:
                self._attempts.skip(candidate, "context_too_small")
                continue
            # The cache lookup of the first candidate was done while preparing.
            hit = self._look_up(candidate)[0] if index else None
            if hit:
                return self._serve(candidate, hit)
            self._context.candidate = candidate
            response, failure = self._try_candidate(candidate, context, len(candidates) - index)
            if response:
                return response
            if failure is FailureKind.CONTEXT_TOO_LONG:
                larger_than = max(larger_than or 0, context or 0)
            if self._context.time_left_s() < MIN_ATTEMPT_S:
                break
        raise self._final_error(failure)

    def _final_error(self, last_failure: FailureKind | None) -> NexusError:
        if last_failure is FailureKind.CONTEXT_TOO_LONG:
            return self._too_large or ContentTooLarge()
        if self._invalid_output:
            problems = list(self._invalid_output.problems)
            return InvalidCompletion(str(self._invalid_output), extra={"problems": problems})
        return AllProvidersFailed()

    def _try_candidate(
        self, candidate: Candidate, context: int | None, candidates_left: int
    ) -> tuple[GatewayResponse[T] | None, FailureKind | None]:
        """Call one candidate, in parts if the prompt exceeds its context window, and repair the output once.

        Returns:
            The response, or None and the failure kind. The kind is None if the candidate was skipped, had no time left,
            or broke the output contract.
        """
        try:
            step = self._final_step(candidate, context, candidates_left)
        except ContentTooLarge as too_large:
            self._too_large = too_large
            self._attempts.skip(candidate, "context_too_small")
            return None, FailureKind.CONTEXT_TOO_LONG
        may_repair = True
        while isinstance(step, Step):
            outcome = self._steps.complete(candidate, step, candidates_left)
            if not isinstance(outcome, Completion):
                return None, outcome
            parse = self._call.parse if may_repair else self._call.parse_or_salvage
            try:
                return self._finish(candidate, outcome, parse(outcome.text)), None
            except InvalidOutputError as invalid:
                self._attempts.mark_last_invalid()
                if self._call.bounded_by_caller and outcome.finish_reason is FinishReason.LENGTH:
                    raise MaxTokensTooLow from None
                self._invalid_output = invalid
                step = repair_step(step, outcome.text, invalid) if may_repair else None
                may_repair = False
        return None, step

    def _final_step(self, candidate: Candidate, context: int | None, candidates_left: int) -> Step | FailureKind | None:
        """Return the step whose completion is the request's output, after running the parts of a divided call.

        If a part fails, its failure kind is returned, or None if it was skipped.

        Raises:
            ContentTooLarge: The call cannot be divided into parts that fit the context window.
        """
        call = self._call
        plan: MapReducePlan | None = call.divide(context) if call.divide and context else None
        if plan is None:
            return Step(call.prompt, call.input_tokens)
        # Check the limits for all parts together. Otherwise most of a limit could be spent before a part is refused.
        self._attempts.require(self._settings, candidate, plan.parts)
        notes: list[str] = []
        for part in plan.parts:
            outcome = self._steps.complete(candidate, part, candidates_left)
            if not isinstance(outcome, Completion):
                return outcome
            notes.append(outcome.text)
        return plan.join(tuple(notes))

    # Results.

    def _finish(self, candidate: Candidate, completion: Completion, data: T) -> GatewayResponse[T]:
        gateway, caller = self._gateway, self._caller
        response = self._context.response(data, candidate.provider, completion.model, cached=False)
        provider, model = candidate.provider, candidate.model
        if gateway.circuit_breaker.has_failed(self._settings, provider, model):
            self._context.deferred_writes.append(lambda: self._steps.record_success(provider, model))
        if self._settings.fallback(self._call.module).strategy is Strategy.FASTEST:
            latency_ms = self._attempts.attempts[-1].latency_ms
            self._context.deferred_writes.append(
                lambda: gateway.circuit_breaker.record_latency(caller, self._settings, provider, model, latency_ms)
            )
        key = self._context.cache_key(candidate)
        writes = [
            *self._cache_writes(key, candidate, completion),
            *gateway.idempotency.response_writes(caller, self._call, response, completion.text),
        ]
        self._context.close(self._context.record(AuditStatus.ANSWERED, cache_key=key), completion.text, writes)
        return response

    def _cache_writes(self, key: str, candidate: Candidate, completion: Completion) -> list[tuple[Table, Item]]:
        """Return the item that caches a completion; none for an incomplete one.

        The cached cost includes that candidate's failed attempts.
        """
        if completion.finish_reason is not FinishReason.STOP or not self._is_complete(completion.text):
            return []
        usage = self._attempts.usage(candidate)
        entry = CachedResponse(
            text=completion.text,
            provider=candidate.provider,
            model=candidate.model,
            answered_by=completion.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_micros=usage.cost_micros,
        )
        return self._gateway.response_cache.writes(self._caller, self._settings.preferences, key, entry)

    def _is_complete(self, text: str) -> bool:
        """Return True if the output contract accepts the text without salvaging it."""
        if self._call.salvage is None:
            return True
        with suppress(InvalidOutputError):
            self._call.parse(text)
            return True
        return False

    def _fail(self, error: NexusError) -> None:
        """Record a request that ends with an error, as rejected if the error is the client's and no attempt started."""
        attempts, idempotency = self._attempts.attempts, self._gateway.idempotency
        if attempts:
            error.extra["attempts"] = [public_attempt(attempt) for attempt in attempts]
        rejected = error.status < 500 and not self._attempts.anything_started
        status = AuditStatus.REJECTED if rejected else AuditStatus.FAILED
        writes: list[tuple[Table, Item]] = []
        if self._owns_idempotency_key and (error.retryable or not self._attempts.anything_started):
            # A request that started no attempt may be sent again as well: an administrator may remove the cause.
            # If the release fails, the claim expires after its deadline.
            self._context.deferred_writes.append(lambda: idempotency.release(self._caller))
        elif self._owns_idempotency_key:
            writes = idempotency.error_writes(self._caller, self._call, error)
        self._context.close(self._context.record(status, error_code=error.code), None, writes)
