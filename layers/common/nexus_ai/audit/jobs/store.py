"""Jobs over audit records, one item each. What a job has done is written down bit by bit, so that any run goes on.

The last run that was begun is the one that counts: a run that finds another begun since may write no more.
"""

from contextlib import suppress
from enum import StrEnum
from typing import Any

from nexus_ai.audit.models import AuditFilter
from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Table
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.schema import OrUnknown, StoredModel
from nexus_ai.platform.units import DAY_S

# Lambda calls a function that failed twice more; the job is then given up.
TRIES = 3
# A status that only a newer version knows is none of these: its job is left alone.
_GOES_ON = "#status IN (:queued, :running)"
_STATUS = {"#status": "status"}


class JobKind(StrEnum):
    EXPORT = "export"
    ERASURE = "erasure"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # an export that held, or may have held, what was erased since


class ExportFile(StoredModel):
    """`name` is the last part of the object's, without its ending."""

    name: str
    records: int
    size: int


class AuditJob(StoredModel):
    """`wanted` are the records it is about, `after` the last one that is done with, `records` how many have been.

    `run` counts the runs, `failures` those that failed since something was done.
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
        """Say if this version knows what the job is to do, and with which records."""
        return isinstance(self.kind, JobKind) and self.wanted.is_understood


class StaleRunError(Exception):
    """Another run of the job was begun, or it was withdrawn: this one may write no more."""


def _item(job: AuditJob, expires_at: int) -> Item:
    return {
        **keys.audit_job(job.tenant_id, job.id),
        **job.model_dump(mode="json", exclude={"id", "tenant_id"}),
        "expiresAt": expires_at,
    }


def _job(item: Item) -> AuditJob:
    fields = {name: value for name, value in item.items() if name not in {"PK", "SK", "expiresAt"}}
    return AuditJob.model_validate({**fields, "id": item["SK"], "tenant_id": item["PK"].partition("#")[0]})


class JobStore:
    """`days` is how long it is remembered who exported and erased what."""

    def __init__(self, table: Table, clock: Clock, *, days: int) -> None:
        self._table = table
        self._clock = clock
        self._kept_s = days * DAY_S

    def put(self, job: AuditJob) -> None:
        """Write a new job."""
        self._table.put(_item(job, self._expires_at(job)))

    def load(self, tenant_id: str, job_id: str) -> AuditJob | None:
        item = self._table.get(keys.audit_job(tenant_id, job_id), consistent=True)
        return _job(item) if item else None

    def take(self, tenant_id: str, job_id: str) -> AuditJob | None:
        """Begin a run, which ends the right of every run before it to write; None for a job that does not go on."""
        try:
            item = self._table.update(
                keys.audit_job(tenant_id, job_id),
                "SET #status = :running, updated_at_ms = :now ADD run :one",
                {":queued": "queued", ":running": "running", ":now": self._clock.now_ms(), ":one": 1},
                condition=_GOES_ON,
                names=_STATUS,
                returns="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return _job(item)

    def progressed(
        self,
        job: AuditJob,
        *,
        after: str | None,
        records: int,
        file: ExportFile | None = None,
        status: JobStatus = JobStatus.RUNNING,
    ) -> AuditJob:
        """Write how far a run has come, with the file that it has added; raises Overtaken."""
        fields: dict[str, Any] = {"after": after, "records": records, "status": status, "failures": 0}
        added = {f"files[{len(job.files)}]": file.model_dump()} if file else {}
        self._save(job, fields | added)
        return job.model_copy(update={**fields, "files": (*job.files, file) if file else job.files})

    def failed(self, job: AuditJob) -> None:
        """Count a failed run; the third in a row without anything done ends the job. Raises Overtaken."""
        stored = self.load(job.tenant_id, job.id) or job
        failures = stored.failures + 1
        self._save(job, {"failures": failures} | ({"status": JobStatus.FAILED} if failures >= TRIES else {}))

    def _save(self, job: AuditJob, fields: dict[str, Any]) -> None:
        """Write these fields for the run that the job is in; raises Overtaken. Safe to do twice."""
        try:
            self._table.set_fields(
                keys.audit_job(job.tenant_id, job.id),
                {**fields, "updated_at_ms": self._clock.now_ms()},
                condition="run = :run AND #status = :running",
                names=_STATUS,
                values={":run": job.run, ":running": "running"},
            )
        except ConditionFailed as refused:
            found = refused.item or {}
            # By this very write, where it ended the run, its response was lost and it was sent again.
            if (found.get("run"), found.get("status")) != (job.run, fields.get("status")):
                raise StaleRunError from None

    def give_up(self, job: AuditJob) -> None:
        """End a job of which no run was begun. It is written whole, as it was put, by the request that put it."""
        item = _item(job.model_copy(update={"status": JobStatus.FAILED}), self._expires_at(job))
        with suppress(ConditionFailed):
            self._table.put(item, condition="#status = :queued", names=_STATUS, values={":queued": "queued"})

    def withdraw(self, job: AuditJob) -> AuditJob:
        """End an export for good, a run in progress included; returns it with the files that there are to delete."""
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
        """Return all jobs of a tenant, newest first. Keys with a separator are no jobs of this version."""
        values = {":jobs": keys.audit_jobs(tenant_id)}
        found = self._table.query("PK = :jobs", values, newest_first=True, consistent=True)
        return [_job(item) for item in found if "#" not in item["SK"]]

    def _expires_at(self, job: AuditJob) -> int:
        return job.asked_at_ms // 1000 + self._kept_s
