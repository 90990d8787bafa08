"""Store audit jobs, one item per job, with progress that any later run can continue.

Only the run that started last may write. An earlier run that is still active fails with StaleRunError.
"""

from contextlib import suppress
from enum import StrEnum
from typing import Any

from nexus_ai.audit.models import AccessEntry, AccessKind, AuditFilter, AuditRecord
from nexus_ai.audit.records import new_access
from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Table
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.schema import OrUnknown, StoredModel
from nexus_ai.platform.units import DAY_S

# Lambda repeats a failed invocation twice. After that the job has failed.
TRIES = 3
# An unknown status of a newer version matches neither value, so that version's job is not changed.
_IS_UNFINISHED = "#status IN (:queued, :running)"
_STATUS = {"#status": "status"}


class JobKind(StrEnum):
    """Kind of an audit job."""

    EXPORT = "export"
    ERASURE = "erasure"


class JobStatus(StrEnum):
    """Status of an audit job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # an export that contains, or may contain, content that was erased later


class ExportFile(StoredModel):
    """File of an export. `name` is the last part of the object's name, without its extension."""

    name: str
    records: int
    size: int


class AuditJob(StoredModel):
    """Export or erasure of audit records, with its progress.

    Attributes:
        wanted: Filter of the records to process.
        after: Id of the last processed record; None before the first.
        records: Number of processed records.
        run: Number of runs that were started.
        failures: Number of failed runs since the last progress.
    """

    id: str
    tenant_id: str
    kind: OrUnknown[JobKind]
    status: OrUnknown[JobStatus] = JobStatus.QUEUED
    wanted: AuditFilter
    with_content: bool = False
    asked_by: str
    asked_at_ms: int
    ip: str | None = None
    user_agent: str | None = None
    updated_at_ms: int
    after: str | None = None
    records: int = 0
    files: tuple[ExportFile, ...] = ()
    run: int = 0
    failures: int = 0

    @property
    def is_understood(self) -> bool:
        """Return True if this version knows the kind of the job and all criteria of its filter."""
        return isinstance(self.kind, JobKind) and self.wanted.is_understood


class StaleRunError(Exception):
    """Write by a run that another run has replaced, or whose job was withdrawn."""


def _item(job: AuditJob, expires_at: int) -> Item:
    return {
        **keys.audit_job(job.tenant_id, job.id),
        **job.model_dump(mode="json", exclude={"id", "tenant_id"}),
        "expiresAt": expires_at,
    }


def _job(item: Item) -> AuditJob:
    fields = {name: value for name, value in item.items() if name not in {"PK", "SK", "expiresAt"}}
    return AuditJob.model_validate({**fields, "id": item["SK"], "tenant_id": item["PK"].partition("#")[0]})


def job_access(job: AuditJob, record: AuditRecord, kind: AccessKind) -> AccessEntry:
    """Return the access entry of a job for a record.

    Its id is that of the job, so that repeated runs write each entry once.
    """
    return new_access(record, kind, job, entry_id=job.id, at_ms=job.asked_at_ms, user_id=job.asked_by)


class JobStore:
    """Store of audit jobs. `days` is how long an item keeps who exported or erased content."""

    def __init__(self, table: Table, clock: Clock, *, days: int) -> None:
        self._table = table
        self._clock = clock
        self._retention_s = days * DAY_S

    def put(self, job: AuditJob) -> None:
        """Write a new job."""
        self._table.put(_item(job, self._expires_at(job)))

    def load(self, tenant_id: str, job_id: str) -> AuditJob | None:
        """Return a job, or None if the tenant has no job with this id."""
        item = self._table.get(keys.audit_job(tenant_id, job_id), consistent=True)
        return _job(item) if item else None

    def start_run(self, tenant_id: str, job_id: str) -> AuditJob | None:
        """Start a run, so that earlier runs of the job can no longer write.

        Returns:
            The job with its new run number, or None if it has already ended.
        """
        try:
            item = self._table.update(
                keys.audit_job(tenant_id, job_id),
                "SET #status = :running, updated_at_ms = :now ADD run :one",
                {":queued": "queued", ":running": "running", ":now": self._clock.now_ms(), ":one": 1},
                condition=_IS_UNFINISHED,
                names=_STATUS,
                returns="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return _job(item)

    def save_progress(
        self,
        job: AuditJob,
        *,
        after: str | None,
        records: int,
        file: ExportFile | None = None,
        status: JobStatus = JobStatus.RUNNING,
    ) -> AuditJob:
        """Write the progress of a run and the file that it has added.

        Raises:
            StaleRunError: Another run has taken over the job, or it was withdrawn.
        """
        fields: dict[str, Any] = {"after": after, "records": records, "status": status, "failures": 0}
        added = {f"files[{len(job.files)}]": file.model_dump()} if file else {}
        self._save(job, fields | added)
        return job.model_copy(update={**fields, "files": (*job.files, file) if file else job.files})

    def record_failure(self, job: AuditJob) -> None:
        """Count a failed run. The third failure in a row without progress ends the job.

        Raises:
            StaleRunError: Another run has taken over the job, or it was withdrawn.
        """
        stored = self.load(job.tenant_id, job.id) or job
        failures = stored.failures + 1
        self._save(job, {"failures": failures} | ({"status": JobStatus.FAILED} if failures >= TRIES else {}))

    def _save(self, job: AuditJob, fields: dict[str, Any]) -> None:
        """Write these fields if the job is still in this run. Safe to repeat.

        Raises:
            StaleRunError: Another run has taken over the job, or it was withdrawn.
        """
        try:
            self._table.set_fields(
                keys.audit_job(job.tenant_id, job.id),
                {**fields, "updated_at_ms": self._clock.now_ms()},
                condition="run = :run AND #status = :running",
                names=_STATUS,
                values={":run": job.run, ":running": "running"},
            )
        except ConditionFailed as error:
            stored = error.item or {}
            # This write may have ended the run before its response was lost. The repeated write then finds its own
            # result.
            if (stored.get("run"), stored.get("status")) != (job.run, fields.get("status")):
                raise StaleRunError from None

    def fail_unstarted(self, job: AuditJob) -> None:
        """Mark a job as failed before any run has started.

        It replaces the complete item, because it runs in the request that has just created it.
        """
        item = _item(job.model_copy(update={"status": JobStatus.FAILED}), self._expires_at(job))
        with suppress(ConditionFailed):
            self._table.put(item, condition="#status = :queued", names=_STATUS, values={":queued": "queued"})

    def withdraw(self, job: AuditJob) -> AuditJob:
        """End an export for good, even during a run. Return it with the files to delete."""
        item = self._table.update(
            keys.audit_job(job.tenant_id, job.id),
            "SET #status = :withdrawn, updated_at_ms = :now",
            {":withdrawn": "withdrawn", ":now": self._clock.now_ms()},
            condition="attribute_exists(PK)",
            names=_STATUS,
            returns="ALL_NEW",
        )
        return _job(item)

    def of(self, tenant_id: str) -> list[AuditJob]:
        """Return all jobs of a tenant, newest first.

        Sort keys with a separator are skipped: only a newer version writes them.
        """
        values = {":jobs": keys.audit_jobs(tenant_id)}
        found = self._table.query("PK = :jobs", values, newest_first=True, consistent=True)
        return [_job(item) for item in found if "#" not in item["SK"]]

    def _expires_at(self, job: AuditJob) -> int:
        return job.asked_at_ms // 1000 + self._retention_s
