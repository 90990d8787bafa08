"""A request with an Idempotency-Key is carried out once, and every replay gets the first one's end."""

import json
import time
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from nexus_ai.audit.models import Attempt
from nexus_ai.cache.idempotency import IdempotencyRecord, IdempotencyStore
from nexus_ai.core.caller import Caller
from nexus_ai.core.clock import Clock
from nexus_ai.core.errors import IdempotencyInFlight, IdempotencyMismatch, NexusError, error_class
from nexus_ai.gateway.models import Answer, ModelCall, Usage
from nexus_ai.storage.table import Item, Table

POLL_S = 0.1
IN_FLIGHT_RETRY_S = 2
# A claim is void this long after the deadline of the request that made it: it was killed.
GRACE_MS = 5_000


def fingerprint[T](call: ModelCall[T]) -> str:
    """SHA-256 of everything that the client asked for."""
    asked = {
        "task": call.task,
        "provider": call.provider,
        "model": call.model,
        "module": call.module,
        "parameters": call.parameters,
    }
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


class Idempotency:
    def __init__(self, store: IdempotencyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def claim[T](self, caller: Caller, call: ModelCall[T]) -> IdempotencyRecord | None:
        """None where this request is the first with its key; else the ended record of the one that was.

        Waits for a first request in flight until this one's deadline, then raises IdempotencyInFlight; raises
        IdempotencyMismatch where the first asked for something else.
        """
        if caller.idempotency_key is None:
            return None
        mine = self._record(caller, call)
        while True:
            found = self._store.claim(caller.tenant_id, caller.idempotency_key, mine, self._clock.now_ms())
            if found is None:
                return None
            if found.fingerprint != mine.fingerprint:
                raise IdempotencyMismatch
            while found is not None and found.end is None:
                if caller.deadline.remaining_s(self._clock) <= 2 * POLL_S:
                    raise IdempotencyInFlight(retry_after=IN_FLIGHT_RETRY_S)
                if found.claimed_until_ms < self._clock.now_ms():
                    break
                time.sleep(POLL_S)
                found = self._store.load(caller.tenant_id, caller.idempotency_key)
            if found is not None and found.end is not None:
                return found

    def replay[T](self, record: IdempotencyRecord, call: ModelCall[T]) -> tuple[str, Answer[T]]:
        """The first request's answer and its text; raises the error that it ended with."""
        end = record.end
        if "error" in end:
            failed = end["error"]
            error = error_class(failed["code"])(failed["detail"], extra=failed["extra"])
            error.request_id = record.request_id
            raise error
        text: str = end["text"]
        answer = Answer(
            request_id=record.request_id,
            data=call.parse(text),
            provider=end["provider"],
            model=end["model"],
            cached=end["cached"],
            usage=Usage(**end["usage"]),
            latency_ms=end["latency_ms"],
            attempts=tuple(Attempt.model_validate(attempt) for attempt in end["attempts"]),
            fell_back=end["fell_back"],
        )
        return text, answer

    def answered[T](self, caller: Caller, call: ModelCall[T], answer: Answer[T], text: str) -> list[tuple[Table, Item]]:
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

    def failed[T](self, caller: Caller, call: ModelCall[T], error: NexusError) -> list[tuple[Table, Item]]:
        """The write that keeps a failure for replays; a failure that may be tried again gives the key back instead."""
        if caller.idempotency_key is None or isinstance(error, IdempotencyMismatch | IdempotencyInFlight):
            return []
        if error.retryable:
            self._store.release(caller.tenant_id, caller.idempotency_key, caller.request_id)
            return []
        return self._ended(caller, call, {"error": {"code": error.code, "detail": error.detail, "extra": error.extra}})

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
