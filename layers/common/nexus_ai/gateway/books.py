"""What is written down of a request: its audit record, the roll-ups of usage, and what else its end brings."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial

from nexus_ai.audit.models import Attempt, AuditRecord, AuditStatus, Content, Outcome, Part
from nexus_ai.audit.store import AuditStore
from nexus_ai.core.caller import Caller
from nexus_ai.core.clock import Clock, zone_of
from nexus_ai.core.errors import InternalError, NexusError
from nexus_ai.core.observability import logger
from nexus_ai.gateway.models import ModelCall
from nexus_ai.gateway.redaction import kept
from nexus_ai.limits.due import DueTenants
from nexus_ai.net.concurrency import Work, pause, run_step
from nexus_ai.storage.table import Item, Table, put_together
from nexus_ai.tenants.models import AuditContent
from nexus_ai.usage.days import DaysToCheck
from nexus_ai.usage.models import NOBODY, Counts, UsageEntry
from nexus_ai.usage.store import UsageStore

# Between the times that a write after the answer is tried anew, the store's own tries aside.
PAUSES_S = (0.2, 0.4, 0.8)
# What is left of the deadline for the answer's own way home.
ANSWER_S = 0.2


class Books:
    def __init__(self, audit: AuditStore, usage: UsageStore, due: DueTenants, days: DaysToCheck, clock: Clock) -> None:
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

    def note(self, record: AuditRecord) -> None:
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
        until_ms = caller.deadline.at_ms - int(ANSWER_S * 1000)
        insist = partial(_insist, lambda: self._clock.now_ms() < until_ms)
        closed = Work(partial(insist, lambda: self._end(record, contents)))
        works = [closed] + ([Work(partial(insist, settle))] if settle else [])
        works += [Work(partial(insist, lambda: put_together(writes)))] if writes else []
        works += [Work(partial(_logged, work)) for work in (*others, *self._adds(record))]
        run_step(works, timeout_s=max(ANSWER_S, caller.deadline.remaining_s(self._clock) - ANSWER_S))
        return closed.is_done and closed.result()

    def _end(self, record: AuditRecord, contents: Sequence[Content]) -> None:
        self._mark([], record)
        self._audit.write(record, contents)

    def _adds(self, record: AuditRecord) -> Iterator[Callable[[], object]]:
        for entry in usage_entries(record):
            yield partial(self._usage.add, record.tenant_id, entry)


def prompt_content[T](call: ModelCall[T], choice: AuditContent) -> list[Content]:
    text = kept(call.prompt.model_dump_json(include={"system", "messages"}), choice)
    return [] if text is None else [Content(part=Part.PROMPT, text=text)]


def answer_content(text: str, choice: AuditContent) -> list[Content]:
    text_kept = kept(text, choice)
    return [] if text_kept is None else [Content(part=Part.ANSWER, text=text_kept)]


def local_day(at_ms: int, time_zone: str) -> str:
    """The local date at that time, as YYYY-MM-DD: a request belongs to the day it began in."""
    return datetime.fromtimestamp(at_ms / 1000, zone_of(time_zone)).date().isoformat()


def usage_entries(record: AuditRecord) -> list[UsageEntry]:
    """What a record adds to the roll-ups: the request to its last provider, tokens and cost to whom each was paid.

    A rejection has reached no provider, and the model that it names need not exist: it stands under neither.
    """
    if record.status is AuditStatus.REJECTED:
        counts = Counts(rejections=1)
        return [UsageEntry(day=record.day, provider=NOBODY, model=NOBODY, module=record.module, counts=counts)]
    entries: dict[tuple[str, str], Counts] = {(record.provider, record.model): _request_counts(record)}
    for attempt in record.attempts:
        name = (attempt.provider, attempt.model)
        before = entries.get(name, Counts())
        entries[name] = before.model_copy(
            update={
                "input_tokens": before.input_tokens + _input(attempt),
                "output_tokens": before.output_tokens + (attempt.output_tokens or 0),
                "cost_micros": before.cost_micros + (attempt.cost_micros or 0),
            }
        )
    return [
        UsageEntry(
            day=record.day,
            provider=provider,
            model=model,
            module=record.module,
            counts=counts,
            latency_ms=record.latency_ms if counts.requests else None,
        )
        for (provider, model), counts in entries.items()
    ]


def _input(attempt: Attempt) -> int:
    """An estimate is one number, and stands with the input."""
    return attempt.charged_tokens if attempt.estimated else attempt.input_tokens or 0


def fell_back(record: AuditRecord) -> bool:
    """Whether another provider answered than the first one asked."""
    answered_by = [attempt for attempt in record.attempts if attempt.outcome is Outcome.ANSWERED]
    return bool(answered_by) and answered_by[-1].provider != record.attempts[0].provider


def _request_counts(record: AuditRecord) -> Counts:
    return Counts(
        requests=1,
        hits=record.status is AuditStatus.CACHED,
        errors=record.status in {AuditStatus.FAILED, AuditStatus.ABANDONED},
        fallbacks=fell_back(record),
        saved_tokens=record.saved_tokens or 0,
        saved_cost_micros=record.saved_cost_micros or 0,
        latency_ms=record.latency_ms or 0,
    )


def _insist(may_go_on: Callable[[], bool], work: Callable[[], object]) -> bool:
    """Does what may be done twice, again and again while there is time; False where it never succeeded."""
    for pause_s in PAUSES_S:
        if _logged(work):
            return True
        if not (may_go_on() and pause(pause_s)):
            break
    return False


def _logged(work: Callable[[], object]) -> bool:
    """Does it, as often as the store tries by itself; what fails is logged, and left to the sweep."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 (the answer is there, and goes out whatever happens here)
        code = error.code if isinstance(error, NexusError) else InternalError.code
        logger().exception("a write after the answer failed", error_code=code)
        return False
    return True
