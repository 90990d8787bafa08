"""Compare the roll-ups of past days with their audit records, and correct roll-ups that differ.

The audit records are right. A roll-up can be wrong if a function was killed between the settlement of a request and the
end of its record: the request was then counted twice or not at all.
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
# Number of records to add before the remaining time is checked again.
STRIDE = 500


class _UnknownStatusError(Exception):
    """Audit record has a status that only a newer version knows."""


@dataclass(frozen=True, slots=True)
class ReconciliationResult:
    """Result of a run.

    Attributes:
        days: Number of days that were reconciled.
        corrected: Number of roll-ups that were corrected.
        finished: False if days are left, because time ran out or a record is still open.
    """

    days: int
    corrected: int
    finished: bool


@dataclass(frozen=True, slots=True)
class UsageReconciler:
    """Reconciliation of the days in `days`."""

    clock: Clock
    days: ReconciliationQueue
    audit: AuditStore
    usage: UsageStore

    def reconcile_due(self, may_go_on: Callable[[], bool]) -> ReconciliationResult:
        """Reconcile the days that are due while `may_go_on` returns True.

        Raises:
            ExceptionGroup: Some days failed. All other days were reconciled first.
        """
        days, corrected, errors = 0, 0, list[Exception]()

        def attempt(due: tuple[str, str]) -> int | Exception | None:
            try:
                return self.reconcile_day(*due, may_go_on)
            except Exception as error:  # noqa: BLE001 (raised when the others are done)
                logger().exception("a day could not be reconciled", tenant_id=due[0], day=due[1])
                return error

        finished = True
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for batch in batched(self.days.due(self.clock.now_ms() // 1000), 2 * SIDE_BY_SIDE, strict=False):
                if not may_go_on():
                    finished = False
                    break
                for outcome in pool.map(attempt, batch):
                    match outcome:
                        case Exception():
                            errors.append(outcome)
                        case None:
                            finished = False
                        case number:
                            days, corrected = days + 1, corrected + number
        if errors:
            raise ExceptionGroup("some days could not be reconciled", errors)
        return ReconciliationResult(days, corrected, finished)

    def reconcile_day(self, tenant_id: str, day: str, may_go_on: Callable[[], bool]) -> int | None:
        """Reconcile one day.

        If a record has a status that only a newer version knows, the day's roll-ups do not change.

        Returns:
            The number of corrected roll-ups. None if the day is not done and stays due.
        """
        found = self.days.load(tenant_id, day)
        if found is None:
            return 0
        try:
            sums = self._sum_records(found, may_go_on)
        except _UnknownStatusError:
            logger().warning("a day was not reconciled: a record has an unknown status", tenant_id=tenant_id, day=day)
            self.days.done(found)
            return 0
        if sums is None:
            return None
        corrected = self._correct(found, sums)
        if corrected:
            metrics({"RollUpsCorrected": (corrected, Unit.COUNT)})
            logger().error(
                "roll-ups differed from their records",
                tenant_id=tenant_id,
                day=day,
                corrected=corrected,
            )
        self.days.done(found)
        return corrected

    def _sum_records(self, day: Day, may_go_on: Callable[[], bool]) -> Mapping[str, Numbers] | None:
        """Return the sums of the day's records. None if time ran out or a record is still open."""
        sums = {name: Counter(counted) for name, counted in (day.progress.sums if day.progress else {}).items()}
        after = day.progress.after if day.progress else None
        for batch in batched(self.audit.each(day.tenant_id, *day.between_ms(), after=after), STRIDE, strict=False):
            if any(record.status is AuditStatus.OPEN for record in batch):
                # The sweep will close it and add it to its roll-up.
                return None
            if any(record.status not in AuditStatus for record in batch):
                raise _UnknownStatusError
            _add(sums, (record for record in batch if record.day == day.day))
            after = batch[-1].id
            if not may_go_on():
                self.days.save_progress(day, Progress(after, {name: dict(counted) for name, counted in sums.items()}))
                return None
        return {name: dict(counted) for name, counted in sums.items()}

    def _correct(self, day: Day, sums: Mapping[str, Numbers]) -> int:
        rolled_up = self.usage.of_day(day.tenant_id, day.day)
        wrong = [name for name in sums.keys() | rolled_up.keys() if sums.get(name, {}) != rolled_up.get(name, {})]
        for name in wrong:
            try:
                self.usage.correct(day.tenant_id, day.day, name, rolled_up.get(name, {}), sums.get(name, {}))
            except ConditionFailed:
                # Another run was faster and wrote the same numbers.
                logger().info("a roll-up was corrected by another run", tenant_id=day.tenant_id, day=day.day)
        return len(wrong)


def _add(sums: dict[str, Counter[str]], records: Iterable[AuditRecord]) -> None:
    for record in records:
        for entry in usage_entries(record):
            name = keys.usage(record.tenant_id, entry.day, entry.provider, entry.model, entry.module)["SK"]
            sums.setdefault(name, Counter()).update(numbers(entry))
