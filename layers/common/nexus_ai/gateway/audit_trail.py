"""What is written down of a request: its audit record, the roll-ups of usage, and what else its end brings."""

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

# Between the times that a write after the answer is tried anew, the store's own tries aside.
PAUSES_S = (0.2, 0.4, 0.8)
# What is left of the deadline for the answer's own way home.
RESPONSE_S = 0.2


class AuditTrail:
    def __init__(
        self, audit: AuditStore, usage: UsageStore, due: SweepQueue, days: ReconciliationQueue, clock: Clock
    ) -> None:
        self._audit = audit
        self._usage = usage
        self._due = due
        self._days = days
        self._clock = clock

    def open[T](self, call: ModelCall[T], record: AuditRecord, choice: AuditContent) -> None:
        """Writes the record and the prompt before anything reaches a provider; raises StoreUnavailable.

        The tenant is marked for the sweep before: who finds the record open finds its tenant due.
        """
        now_s = self._clock.now_ms() // 1000
        self._mark(self._due.mark(record.tenant_id, now_s), record)
        self._due.marked(record.tenant_id, now_s)
        self._audit.write(record, prompt_content(call, choice))

    def _mark(self, marks: Sequence[tuple[Table, Item]], record: AuditRecord) -> None:
        """With the mark that the record's day is to be compared with its roll-ups once it is over.

        Marks are a write of their own, and a wait where this process has not put them in this step or on this day.
        """
        day = record.tenant_id, record.day, record.time_zone
        writes = [*marks, *self._days.mark(*day)]
        if writes:
            put_together(writes)
        self._days.marked(*day)

    def update(self, record: AuditRecord) -> None:
        """Writes the attempts so far into an open record; raises StoreUnavailable."""
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
        """Write everything that follows the provider's completion, side by side; False if the record was not written.

        Nothing here may fail the request: what could not be written is logged, and found by the scheduled function.
        What is not written when the step ends is not written later: it might overwrite what the sweep has put in order.
        """
        until_ms = caller.deadline.at_ms - int(RESPONSE_S * 1000)
        insist = partial(_retry_until_deadline, lambda: self._clock.now_ms() < until_ms)
        closed = Work(partial(insist, lambda: self._end(record, contents)))
        works = [closed] + ([Work(partial(insist, settle))] if settle else [])
        works += [Work(partial(insist, lambda: put_together(writes)))] if writes else []
        works += [Work(partial(_succeeds_or_logs, work)) for work in (*others, *self._usage_writes(record))]
        run_step(works, timeout_s=max(RESPONSE_S, caller.deadline.remaining_s(self._clock) - RESPONSE_S))
        return closed.is_done and closed.result()

    def _end(self, record: AuditRecord, contents: Sequence[Content]) -> None:
        self._mark([], record)
        self._audit.write(record, contents)

    def _usage_writes(self, record: AuditRecord) -> Iterator[Callable[[], object]]:
        for entry in usage_entries(record):
            yield partial(self._usage.add, record.tenant_id, entry)


def _retry_until_deadline(may_go_on: Callable[[], bool], work: Callable[[], object]) -> bool:
    """Does what may be done twice, again and again while there is time; False where it never succeeded."""
    for pause_s in PAUSES_S:
        if _succeeds_or_logs(work):
            return True
        if not (may_go_on() and pause(pause_s)):
            break
    return False


def _succeeds_or_logs(work: Callable[[], object]) -> bool:
    """Does it, as often as the store tries by itself; what fails is logged, and left to the sweep."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 (the answer is there, and goes out whatever happens here)
        code = error.code if isinstance(error, NexusError) else InternalError.code
        logger().exception("a write after the answer failed", error_code=code)
        return False
    return True
