"""A request with an Idempotency-Key is carried out once, and every replay gets the first one's end."""

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
# What a request that waits for another's end keeps of its deadline for its own answer.
RESPONSE_S = 2.0
IN_FLIGHT_RETRY_S = 2
# A claim is void this long after the deadline of the request that made it: it was killed.
GRACE_MS = 5_000


class StoredError(StoredModel):
    """A failure as it is kept for replays. An end without a `status` was written by an older version."""

    code: str
    detail: str
    extra: Mapping[str, Any] = {}
    status: int | None = None
    title: str | None = None


class StoredUsage(StoredModel):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_micros: int | None = None


class StoredEnd(StoredModel):
    """The end of a request as it is kept for replays: an error, or an answer with all the rest."""

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
    """Return the SHA-256 of everything that the client asked for.

    What it left out is left out here: a version that knows more options, or has other defaults of length, must find
    the same request the same.
    """
    asked = {
        "task": call.task,
        "provider": call.provider,
        "model": call.model,
        "module": call.module,
        "maxTokens": call.prompt.max_tokens if call.bounded_by_caller else None,
        "temperature": call.prompt.temperature,
        "parameters": call.parameters,
    }
    named = {name: value for name, value in asked.items() if value is not None}
    return sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


class Idempotency:
    def __init__(self, store: IdempotencyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def claim[T](self, caller: Caller, call: ModelCall[T]) -> IdempotencyRecord | None:
        """One write: None where this request is the first with its key, else the record of the one that is."""
        if caller.idempotency_key is None:
            return None
        now_ms = self._clock.now_ms()
        return self._store.claim(caller.tenant_id, caller.idempotency_key, self._record(caller, call), now_ms)

    def finished[T](
        self, caller: Caller, call: ModelCall[T], found: IdempotencyRecord | None
    ) -> IdempotencyRecord | None:
        """The ended record of the first request; None where its key has become this one's.

        Waits for a first request in flight, as long as there is time to say that it still is, then raises
        IdempotencyInFlight; raises IdempotencyMismatch where the first asked for something else.
        """
        asked = fingerprint(call)
        while found is not None:
            if found.fingerprint != asked:
                raise IdempotencyMismatch
            if found.end is not None:
                return found
            if caller.deadline.remaining_s(self._clock) <= RESPONSE_S:
                raise IdempotencyInFlight(retry_after=IN_FLIGHT_RETRY_S)
            time.sleep(POLL_S)
            found = self._look(caller, call)
        return None

    def _look[T](self, caller: Caller, call: ModelCall[T]) -> IdempotencyRecord | None:
        """What stands under the key by now; None where it was given back, or was void, and this request took it."""
        found = self._store.load(caller.tenant_id, caller.idempotency_key or "")
        if found is None or (found.end is None and found.claimed_until_ms < self._clock.now_ms()):
            return self.claim(caller, call)
        return found

    def replay[T](self, record: IdempotencyRecord, call: ModelCall[T]) -> tuple[str, GatewayResponse[T]]:
        """Return the first request's answer and its text; raises the error that it ended with.

        Raises InvalidAnswer for a text that another version took and this one's contract does not: nobody is asked
        a second time.
        """
        end = StoredEnd.model_validate(record.end)
        if end.error is not None:
            failed = end.error
            error = stored_error(failed.code, failed.detail, failed.extra, status=failed.status, title=failed.title)
            error.request_id = record.request_id
            raise error
        try:
            data = call.parse_or_salvage(end.text)
        except InvalidOutputError as broken:
            raise InvalidCompletion(str(broken), extra={"problems": list(broken.problems)}) from None
        answer = GatewayResponse(
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
        return end.text, answer

    def completed[T](
        self, caller: Caller, call: ModelCall[T], answer: GatewayResponse[T], text: str
    ) -> list[tuple[Table, Item]]:
        """The write that keeps an answer for replays; none without a key."""
        end = {
            "text": text,
            "provider": answer.provider,
            "model": answer.model,
            "cached": answer.cached,
            "usage": asdict(answer.usage),
            "latency_ms": answer.latency_ms,
            "attempts": [attempt.model_dump(mode="json") for attempt in answer.attempts],
            "fell_back": answer.fell_back,
        }
        return self._ended(caller, call, end)

    def release(self, caller: Caller) -> None:
        """Gives the key back after a failure that may be tried again."""
        if caller.idempotency_key:
            self._store.release(caller.tenant_id, caller.idempotency_key, caller.request_id)

    def failed[T](self, caller: Caller, call: ModelCall[T], error: NexusError) -> list[tuple[Table, Item]]:
        """The write that keeps a failure for replays."""
        failed = StoredError(
            code=error.code, detail=error.detail, extra=error.extra, status=error.status, title=error.title
        )
        return self._ended(caller, call, {"error": failed.model_dump()})

    def _record[T](self, caller: Caller, call: ModelCall[T], end: Any = None) -> IdempotencyRecord:
        return IdempotencyRecord(
            fingerprint=fingerprint(call),
            request_id=caller.request_id,
            claimed_until_ms=caller.deadline.at_ms + GRACE_MS,
            end=end,
        )

    def _ended[T](self, caller: Caller, call: ModelCall[T], end: Any) -> list[tuple[Table, Item]]:
        if caller.idempotency_key is None:
            return []
        record = self._record(caller, call, end)
        return self._store.writes(caller.tenant_id, caller.idempotency_key, record, self._clock.now_ms())
