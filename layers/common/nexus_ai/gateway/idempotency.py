"""Run a request with an Idempotency-Key once, and replay its result to every repetition."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from nexus_ai.audit.models import Attempt
from nexus_ai.aws.dynamodb.table import Item, Table
from nexus_ai.cache.idempotency import IdempotencyRecord, IdempotencyStore
from nexus_ai.gateway.models import GatewayResponse, Usage
from nexus_ai.model_calls import InvalidOutputError, ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.errors import (
    IdempotencyInFlight,
    IdempotencyMismatch,
    InvalidCompletion,
    NexusError,
    stored_error,
)
from nexus_ai.platform.schema import StoredModel

POLL_S = 0.1
# A request that waits for the first one keeps this much of its deadline for its own response.
RESPONSE_S = 2.0
IN_FLIGHT_RETRY_S = 2
# A claim expires this long after its request's deadline: that request must have been killed.
GRACE_MS = 5_000


class StoredError(StoredModel):
    """Error that is stored for replays. An older version stored it without `status` and `title`."""

    code: str
    detail: str
    extra: Mapping[str, Any] = {}
    status: int | None = None
    title: str | None = None


class StoredUsage(StoredModel):
    """Usage that is stored for replays; None is unknown."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_micros: int | None = None


class StoredEnd(StoredModel):
    """Result of a request that is stored for replays: an error, or a completion with the fields of its response."""

    error: StoredError | None = None
    text: str = ""
    provider: str = ""
    model: str = ""
    cached: bool = False
    usage: StoredUsage = StoredUsage()
    latency_ms: int = 0
    attempts: tuple[Attempt, ...] = ()
    fell_back: bool = False


def fingerprint[T](call: ModelCall[T]) -> str:
    """Return the SHA-256 of everything that the client sent.

    Options that the client left out are left out here as well. A version with more options, or with other default
    lengths, then computes the same fingerprint for the same request.
    """
    options = {
        "task": call.task,
        "provider": call.provider,
        "model": call.model,
        "module": call.module,
        "maxTokens": call.prompt.max_tokens if call.bounded_by_caller else None,
        "temperature": call.prompt.temperature,
        "parameters": call.parameters,
    }
    sent = {name: value for name, value in options.items() if value is not None}
    return sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()


class Idempotency:
    """Claims, results and replays of requests with an Idempotency-Key."""

    def __init__(self, store: IdempotencyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def claim[T](self, caller: Caller, call: ModelCall[T]) -> IdempotencyRecord | None:
        """Claim the Idempotency-Key for this request, in one write.

        Returns:
            None if this request is the first with its key or has none. Otherwise the first request's record.
        """
        if caller.idempotency_key is None:
            return None
        now_ms = self._clock.now_ms()
        return self._store.claim(caller.tenant_id, caller.idempotency_key, self._record(caller, call), now_ms)

    def wait_for_end[T](
        self, caller: Caller, call: ModelCall[T], first: IdempotencyRecord | None
    ) -> IdempotencyRecord | None:
        """Wait until the first request with this key has ended.

        Args:
            caller: Sets the tenant, the key and the deadline.
            call: This request, which must have the fingerprint of the first one.
            first: The first request's record, as `claim` returned it.

        Returns:
            The first request's record with its end, or None if this request has claimed the key.

        Raises:
            IdempotencyInFlight: The first request is still in flight shortly before this request's deadline.
            IdempotencyMismatch: The first request was a different one.
        """
        own_fingerprint = fingerprint(call)
        while first is not None:
            if first.fingerprint != own_fingerprint:
                raise IdempotencyMismatch
            if first.end is not None:
                return first
            if caller.deadline.remaining_s(self._clock) <= RESPONSE_S:
                raise IdempotencyInFlight(retry_after=IN_FLIGHT_RETRY_S)
            time.sleep(POLL_S)
            first = self._reload(caller, call)
        return None

    def _reload[T](self, caller: Caller, call: ModelCall[T]) -> IdempotencyRecord | None:
        """Return the current record of the key; claim the key if it has no record or an expired claim."""
        found = self._store.load(caller.tenant_id, caller.idempotency_key or "")
        if found is None or (found.end is None and found.claimed_until_ms < self._clock.now_ms()):
            return self.claim(caller, call)
        return found

    def replay[T](self, record: IdempotencyRecord, call: ModelCall[T]) -> tuple[str, GatewayResponse[T]]:
        """Return the first request's completion text and response.

        Raises:
            NexusError: The error that the first request ended with.
            InvalidCompletion: Another version accepted the completion, but it breaks this version's output contract.
                No provider is called a second time.
        """
        end = StoredEnd.model_validate(record.end)
        if end.error is not None:
            stored = end.error
            error = stored_error(stored.code, stored.detail, stored.extra, status=stored.status, title=stored.title)
            error.request_id = record.request_id
            raise error
        try:
            data = call.parse_or_salvage(end.text)
        except InvalidOutputError as invalid:
            raise InvalidCompletion(str(invalid), extra={"problems": list(invalid.problems)}) from None
        response = GatewayResponse(
            request_id=record.request_id,
            data=data,
            provider=end.provider,
            model=end.model,
            cached=end.cached,
            usage=Usage(end.usage.input_tokens, end.usage.output_tokens, end.usage.cost_micros),
            latency_ms=end.latency_ms,
            attempts=end.attempts,
            fell_back=end.fell_back,
        )
        return end.text, response

    def response_writes[T](
        self, caller: Caller, call: ModelCall[T], response: GatewayResponse[T], text: str
    ) -> list[tuple[Table, Item]]:
        """Return the item that stores a response for replays; none without an Idempotency-Key."""
        end = {
            "text": text,
            "provider": response.provider,
            "model": response.model,
            "cached": response.cached,
            "usage": asdict(response.usage),
            "latency_ms": response.latency_ms,
            "attempts": [attempt.model_dump(mode="json") for attempt in response.attempts],
            "fell_back": response.fell_back,
        }
        return self._end_writes(caller, call, end)

    def release(self, caller: Caller) -> None:
        """Delete the claim after a failure, so that the client can send the request again."""
        if caller.idempotency_key:
            self._store.release(caller.tenant_id, caller.idempotency_key, caller.request_id)

    def error_writes[T](self, caller: Caller, call: ModelCall[T], error: NexusError) -> list[tuple[Table, Item]]:
        """Return the item that stores an error for replays; none without an Idempotency-Key."""
        stored = StoredError(
            code=error.code, detail=error.detail, extra=error.extra, status=error.status, title=error.title
        )
        return self._end_writes(caller, call, {"error": stored.model_dump()})

    def _record[T](self, caller: Caller, call: ModelCall[T], end: Any = None) -> IdempotencyRecord:
        return IdempotencyRecord(
            fingerprint=fingerprint(call),
            request_id=caller.request_id,
            claimed_until_ms=caller.deadline.at_ms + GRACE_MS,
            end=end,
        )

    def _end_writes[T](self, caller: Caller, call: ModelCall[T], end: Any) -> list[tuple[Table, Item]]:
        if caller.idempotency_key is None:
            return []
        record = self._record(caller, call, end)
        return self._store.writes(caller.tenant_id, caller.idempotency_key, record, self._clock.now_ms())
