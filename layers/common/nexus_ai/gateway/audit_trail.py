"""Write the audit record of a request, its usage roll-ups, and the other writes at its end."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from nexus_ai.audit.content import prompt_content
from nexus_ai.audit.models import AuditRecord, Content
from nexus_ai.audit.store import AuditStore
from nexus_ai.aws.dynamodb.table import Item, Table, put_together
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.model_calls import ModelCall
from nexus_ai.net.concurrency import Work, pause, run_step
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.errors import InternalError, NexusError
from nexus_ai.platform.observability import logger
from nexus_ai.settings.models import AuditContent
from nexus_ai.usage.entries import usage_entries
from nexus_ai.usage.reconciliation_queue import ReconciliationQueue
from nexus_ai.usage.store import UsageStore

# Pauses between the tries of a write after the completion. The store client retries within each try.
PAUSES_S = (0.2, 0.4, 0.8)
# Time kept before the deadline, so that the response can reach the client.
RESPONSE_S = 0.2


class AuditTrail:
    """Writer of audit records, usage roll-ups, and the marks by which scheduled jobs find them."""

    def __init__(
        self, audit: AuditStore, usage: UsageStore, due: SweepQueue, days: ReconciliationQueue, clock: Clock
    ) -> None:
        self._audit = audit
        self._usage = usage
        self._due = due
        self._days = days
        self._clock = clock

    def open[T](self, call: ModelCall[T], record: AuditRecord, content_policy: AuditContent) -> None:
        """Write the open record and the prompt, before anything reaches a provider.

        The tenant is marked for the sweep first, so that the sweep can find every open record.

        Raises:
            StoreUnavailable: The mark, the record or the prompt could not be written.
        """
        now_s = self._clock.now_ms() // 1000
        self._mark(self._due.mark(record.tenant_id, now_s), record)
        self._due.marked(record.tenant_id, now_s)
        self._audit.write(record, prompt_content(call, content_policy))

    def _mark(self, marks: Sequence[tuple[Table, Item]], record: AuditRecord) -> None:
        """Write the marks, and the mark that queues the record's day for reconciliation.

        A process writes each mark once per sweep interval or day, so most calls write nothing and do not wait.
        """
        day = record.tenant_id, record.day, record.time_zone
        writes = [*marks, *self._days.mark(*day)]
        if writes:
            put_together(writes)
        self._days.marked(*day)

    def update(self, record: AuditRecord) -> None:
        """Write the attempts so far into the open record.

        Raises:
            StoreUnavailable: The record could not be written.
        """
        self._audit.write(record)

    def close(
        self,
        caller: Caller,
        record: AuditRecord,
        contents: Sequence[Content],
        *,
        settle: Callable[[], object] | None = None,
        others: Sequence[Callable[[], object]] = (),
        writes: Sequence[tuple[Table, Item]] = (),
    ) -> bool:
        """Write everything that follows the provider's completion, concurrently, and return when it is done.

        No failure here fails the request. A failed write is logged, and the scheduled function corrects it later.
        A write that is not done when the step ends is dropped: later it could overwrite what the sweep has corrected.

        Args:
            caller: Sets the tenant and the deadline.
            record: The closed audit record.
            contents: The prompt and completion that belong to the record.
            settle: Settles the last reservation. It is retried, so it must be safe to repeat.
            others: Further work, tried once.
            writes: Items to put, retried until the deadline.

        Returns:
            False if the record was not written.
        """
        until_ms = caller.deadline.at_ms - int(RESPONSE_S * 1000)
        retry = partial(_retry_until_deadline, lambda: self._clock.now_ms() < until_ms)
        closed = Work(partial(retry, lambda: self._end(record, contents)))
        works = [closed] + ([Work(partial(retry, settle))] if settle else [])
        works += [Work(partial(retry, lambda: put_together(writes)))] if writes else []
        works += [Work(partial(_succeeds_or_logs, work)) for work in (*others, *self._usage_writes(record))]
        run_step(works, timeout_s=max(RESPONSE_S, caller.deadline.remaining_s(self._clock) - RESPONSE_S))
        return closed.is_done and closed.result()

    def _end(self, record: AuditRecord, contents: Sequence[Content]) -> None:
        self._mark([], record)
        self._audit.write(record, contents)

    def _usage_writes(self, record: AuditRecord) -> Iterator[Callable[[], object]]:
        for entry in usage_entries(record):
            yield partial(self._usage.add, record.tenant_id, entry)


def _retry_until_deadline(has_time: Callable[[], bool], work: Callable[[], object]) -> bool:
    """Run repeatable work until it succeeds, while there is time; return False if it never succeeded."""
    for pause_s in PAUSES_S:
        if _succeeds_or_logs(work):
            return True
        if not (has_time() and pause(pause_s)):
            break
    return False


def _succeeds_or_logs(work: Callable[[], object]) -> bool:
    """Run the work once; log a failure and return False."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 (the completion is returned even if a write after it fails)
        code = error.code if isinstance(error, NexusError) else InternalError.code
        logger().exception("a write after the completion failed", error_code=code)
        return False
    return True
