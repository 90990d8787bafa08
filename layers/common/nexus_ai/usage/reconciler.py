"""Days that are over: their roll-ups are compared with their audit records, which are the truth, and set right.

A function that was killed between a request's settlement and the end of its record may have counted it twice or not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched

from nexus_ai.audit.models import AuditRecord, AuditStatus
from nexus_ai.audit.store import AuditStore
from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.observability import Unit, logger, metrics
from nexus_ai.usage.entries import usage_entries
from nexus_ai.usage.reconciliation_queue import Day, Progress, ReconciliationQueue
from nexus_ai.usage.store import Numbers, UsageStore, numbers

SIDE_BY_SIDE = 4
# How many records are added up between two looks at the time that is left.
STRIDE = 500


class _UnknownStatusError(Exception):
    """A record has a status that this version does not know."""


@dataclass(frozen=True, slots=True)
class ReconciliationResult:
    """How many days were compared, of how many roll-ups differed, and whether those were all."""

    days: int
    corrected: int
    finished: bool


@dataclass(frozen=True, slots=True)
class UsageReconciler:
    clock: Clock
    days: ReconciliationQueue
    audit: AuditStore
    usage: UsageStore

    def reconcile_due(self, may_go_on: Callable[[], bool]) -> ReconciliationResult:
        """Raises an ExceptionGroup of what went wrong with single days once all others are done."""
        compared, corrected, faults = 0, 0, list[Exception]()

        def attempt(due: tuple[str, str]) -> int | Exception | None:
            try:
                return self.reconcile_day(*due, may_go_on)
            except Exception as fault:  # noqa: BLE001 (raised when the others are done)
                logger().exception("a day was not compared", tenant_id=due[0], day=due[1])
                return fault

        finished = True
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for some in batched(self.days.due(self.clock.now_ms() // 1000), 2 * SIDE_BY_SIDE, strict=False):
                if not may_go_on():
                    finished = False
                    break
                for outcome in pool.map(attempt, some):
                    match outcome:
                        case Exception():
                            faults.append(outcome)
                        case None:
                            finished = False
                        case number:
                            compared, corrected = compared + 1, corrected + number
        if faults:
            raise ExceptionGroup("days were not compared", faults)
        return ReconciliationResult(compared, corrected, finished)

    def reconcile_day(self, tenant_id: str, day: str, may_go_on: Callable[[], bool]) -> int | None:
        """Return how many roll-ups were set right; None where it is not done yet, and is due still.

        A day with a record in a status of another version stays as it was counted: nobody here knows what that adds.
        """
        found = self.days.load(tenant_id, day)
        if found is None:
            return 0
        try:
            sums = self._added_up(found, may_go_on)
        except _UnknownStatusError:
            logger().warning("a day has a record in an unknown status", tenant_id=tenant_id, day=day)
            self.days.done(found)
            return 0
        if sums is None:
            return None
        corrected = self._correct(found, sums)
        if corrected:
            metrics({"RollUpsCorrected": (corrected, Unit.COUNT)})
            logger().error("roll-ups differed from their records", tenant_id=tenant_id, day=day, corrected=corrected)
        self.days.done(found)
        return corrected

    def _added_up(self, day: Day, may_go_on: Callable[[], bool]) -> Mapping[str, Numbers] | None:
        """Return what the records come to; None where time has ended, or a record has not."""
        sums = {name: Counter(kept) for name, kept in (day.progress.sums if day.progress else {}).items()}
        after = day.progress.after if day.progress else None
        for some in batched(self.audit.each(day.tenant_id, *day.between_ms(), after=after), STRIDE, strict=False):
            if any(record.status is AuditStatus.OPEN for record in some):
                # The sweep closes it, and adds it to its roll-up then.
                return None
            if any(record.status not in AuditStatus for record in some):
                raise _UnknownStatusError
            _add(sums, (record for record in some if record.day == day.day))
            after = some[-1].id
            if not may_go_on():
                self.days.keep(day, Progress(after, {name: dict(counted) for name, counted in sums.items()}))
                return None
        return {name: dict(counted) for name, counted in sums.items()}

    def _correct(self, day: Day, sums: Mapping[str, Numbers]) -> int:
        rolled_up = self.usage.of_day(day.tenant_id, day.day)
        wrong = [name for name in sums.keys() | rolled_up.keys() if sums.get(name, {}) != rolled_up.get(name, {})]
        for name in wrong:
            try:
                self.usage.correct(day.tenant_id, day.day, name, rolled_up.get(name, {}), sums.get(name, {}))
            except ConditionFailed:
                # Another run was first, with the same numbers.
                logger().info("a roll-up was set right meanwhile", tenant_id=day.tenant_id, day=day.day)
        return len(wrong)


def _add(sums: dict[str, Counter[str]], records: Iterable[AuditRecord]) -> None:
    for record in records:
        for entry in usage_entries(record):
            name = keys.usage(record.tenant_id, entry.day, entry.provider, entry.model, entry.module)["SK"]
            sums.setdefault(name, Counter()).update(numbers(entry))
