"""A run of an erasure: whatever content a user's calls have left, wherever it is. All of it may be done twice.

Calls that were in flight when it was asked for write their answers after it: it waits until they have ended. The index
of users is some moments late, so that the last minutes before are looked through record by record.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from nexus_ai.audit.jobs.api import FILES_KEPT_MS, file_name
from nexus_ai.audit.jobs.store import AuditJob, JobKind, JobStatus, JobStore
from nexus_ai.audit.models import AccessEntry, AccessKind, AuditFilter, AuditRecord
from nexus_ai.audit.store import AuditStore
from nexus_ai.aws import s3
from nexus_ai.cache.idempotency import IdempotencyStore
from nexus_ai.cache.store import CacheStore
from nexus_ai.net.concurrency import run_all
from nexus_ai.platform.clock import Clock

# A call has 29 s from its own time stamp, and its function no more than as many again to end.
CALLS_END_AFTER_MS = 60_000
# Far more than an index of DynamoDB is ever late.
INDEX_LAG_MS = 300_000
PAGE = 100


@dataclass(frozen=True, slots=True)
class ErasureJob:
    audit: AuditStore
    cache: CacheStore
    idempotency: IdempotencyStore
    jobs: JobStore
    clock: Clock

    def run(self, job: AuditJob, may_go_on: Callable[[], bool]) -> AuditJob:
        """Goes on with the job until it is done or time is short; returns it as it is then."""
        recent_ms = max(0, job.asked_at_ms - INDEX_LAG_MS)
        long_ago = job.wanted.model_copy(update={"to_ms": recent_ms})
        recent = job.wanted.model_copy(update={"from_ms": recent_ms})
        job, ended = self._erase(job, long_ago, may_go_on, exact=False)
        if not ended or not self._wait(job, may_go_on):
            return job
        job, ended = self._erase(job, recent, may_go_on, exact=True)
        if not ended:
            return job
        self._withdraw_exports(job)
        return self.jobs.progressed(job, after=job.after, records=job.records, status=JobStatus.DONE)

    def _wait(self, job: AuditJob, may_go_on: Callable[[], bool]) -> bool:
        """Until no call is in flight that began before; False where time is short."""
        while self.clock.now_ms() < job.asked_at_ms + CALLS_END_AFTER_MS:
            if not may_go_on():
                return False
            time.sleep(1)
        return True

    def _erase(
        self, job: AuditJob, wanted: AuditFilter, may_go_on: Callable[[], bool], *, exact: bool
    ) -> tuple[AuditJob, bool]:
        """The job as it is then, and whether every such record was met."""
        while may_go_on():
            found = self.audit.search(
                job.tenant_id, wanted, limit=PAGE, after=job.after, newest_first=False, exact=exact
            )
            self._erase_page(job, found.records)
            after = found.last or (found.records[-1].id if found.records else job.after)
            job = self.jobs.progressed(job, after=after, records=job.records + len(found.records))
            if found.last is None:
                return job, True
        return job, False

    def _erase_page(self, job: AuditJob, records: Sequence[AuditRecord]) -> None:
        if not records:
            return
        self.audit.record_accesses(job.tenant_id, [_access(job, record) for record in records])
        self.audit.erase_contents(job.tenant_id, [record.id for record in records])
        self.cache.forget(job.tenant_id, [record.cache_key for record in records if record.cache_key])
        run_all(
            partial(self.idempotency.forget, job.tenant_id, record.idempotency_hash, record.id)
            for record in records
            if record.idempotency_hash
        )

    def _withdraw_exports(self, job: AuditJob) -> None:
        """Withdraw exports that hold, or are about to hold, what was erased.

        A kind of job that this version does not know may hold it, too.
        """
        for export in self.jobs.of(job.tenant_id):
            about = export.wanted.user_id in {None, job.wanted.user_id}
            gone = export.asked_at_ms < self.clock.now_ms() - 3 * FILES_KEPT_MS
            if export.kind != JobKind.ERASURE and export.with_content and about and not gone:
                files = [file_name(export, file) for file in self.jobs.withdraw(export).files]
                if files:
                    s3.delete(files)


def _access(job: AuditJob, record: AuditRecord) -> AccessEntry:
    return AccessEntry(
        id=job.id,
        at_ms=job.asked_at_ms,
        record_id=record.id,
        kind=AccessKind.ERASED,
        user_id=job.asked_by,
        ip=job.ip,
        user_agent=job.user_agent,
    )
