"""Erase the prompts and completions of one user in resumable runs.

Every step may be repeated safely. A call that was in flight when the erasure was requested writes its content
afterwards, so the run waits until such calls have ended. The index `byUser` is eventually consistent, so the last
minutes before the request are read record by record.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from nexus_ai.audit.jobs.api import FILES_KEPT_MS, file_name
from nexus_ai.audit.jobs.store import AuditJob, JobKind, JobStatus, JobStore, job_access
from nexus_ai.audit.models import AccessKind, AuditFilter, AuditRecord
from nexus_ai.audit.store import AuditStore
from nexus_ai.aws import s3
from nexus_ai.cache.idempotency import IdempotencyStore
from nexus_ai.cache.store import CacheStore
from nexus_ai.net.concurrency import run_all
from nexus_ai.platform.clock import Clock

# API Gateway ends a call 29 s after its timestamp. Its function ends at most 29 s later.
CALLS_END_AFTER_MS = 60_000
# Much longer than the replication lag of a DynamoDB index.
INDEX_LAG_MS = 300_000
PAGE = 100


@dataclass(frozen=True, slots=True)
class ErasureJob:
    """Erasure of content from the audit log, the response cache, idempotency records and exports."""

    audit: AuditStore
    cache: CacheStore
    idempotency: IdempotencyStore
    jobs: JobStore
    clock: Clock

    def run(self, job: AuditJob, has_time: Callable[[], bool]) -> AuditJob:
        """Continue the job until it is done or time runs short.

        Args:
            job: The job as `JobStore.start_run` returned it.
            has_time: Returns False when the function must stop.

        Returns:
            The job with its latest progress and status.

        Raises:
            StaleRunError: Another run has taken over the job.
            StoreUnavailable: A store could not be reached.
        """
        recent_ms = max(0, job.asked_at_ms - INDEX_LAG_MS)
        indexed = job.wanted.model_copy(update={"to_ms": recent_ms})
        recent = job.wanted.model_copy(update={"from_ms": recent_ms})
        job, finished = self._erase(job, indexed, has_time, exact=False)
        if not finished or not self._wait_for_calls_in_flight(job, has_time):
            return job
        job, finished = self._erase(job, recent, has_time, exact=True)
        if not finished:
            return job
        self._withdraw_exports(job)
        return self.jobs.save_progress(job, after=job.after, records=job.records, status=JobStatus.DONE)

    def _wait_for_calls_in_flight(self, job: AuditJob, has_time: Callable[[], bool]) -> bool:
        """Wait until every call that began before the request has ended. Return False if time runs short."""
        while self.clock.now_ms() < job.asked_at_ms + CALLS_END_AFTER_MS:
            if not has_time():
                return False
            time.sleep(1)
        return True

    def _erase(
        self, job: AuditJob, wanted: AuditFilter, has_time: Callable[[], bool], *, exact: bool
    ) -> tuple[AuditJob, bool]:
        """Erase all matching records, page by page. Return the job and whether all of them were erased."""
        while has_time():
            found = self.audit.search(
                job.tenant_id, wanted, limit=PAGE, after=job.after, newest_first=False, exact=exact
            )
            self._erase_page(job, found.records)
            after = found.last or (found.records[-1].id if found.records else job.after)
            job = self.jobs.save_progress(job, after=after, records=job.records + len(found.records))
            if found.last is None:
                return job, True
        return job, False

    def _erase_page(self, job: AuditJob, records: Sequence[AuditRecord]) -> None:
        if not records:
            return
        self.audit.record_accesses(job.tenant_id, [job_access(job, record, AccessKind.ERASED) for record in records])
        self.audit.erase_contents(job.tenant_id, [record.id for record in records])
        self.cache.forget(job.tenant_id, [record.cache_key for record in records if record.cache_key])
        run_all(
            partial(self.idempotency.forget, job.tenant_id, record.idempotency_hash, record.id)
            for record in records
            if record.idempotency_hash
        )

    def _withdraw_exports(self, job: AuditJob) -> None:
        """Withdraw exports that contain, or may still write, the erased content.

        An unknown kind of job may contain it too: only a newer version knows what it writes.
        """
        for export in self.jobs.of(job.tenant_id):
            includes_user = export.wanted.user_id in {None, job.wanted.user_id}
            files_expired = export.asked_at_ms < self.clock.now_ms() - 3 * FILES_KEPT_MS
            if export.kind != JobKind.ERASURE and export.with_content and includes_user and not files_expired:
                files = [file_name(export, file) for file in self.jobs.withdraw(export).files]
                if files:
                    s3.delete(files)
