"""Jobs over audit records, one item each. What a job has done is written down bit by bit, so that any run goes on.

The last run that was begun is the one that counts: a run that finds another begun since may write no more.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nexus_ai.audit.models import AuditFilter
from nexus_ai.core.clock import Clock
from nexus_ai.storage import keys
from nexus_ai.storage.table import ConditionFailed, Item, Table

DAY_S = 86_400
# Lambda calls a function that failed twice more; the job is then given up.
TRIES = 3
_ENDED = {":done": "done", ":failed": "failed", ":withdrawn": "withdrawn"}
_NOT_ENDED = "attribute_exists(PK) AND NOT #status IN (:done, :failed, :withdrawn)"
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


class ExportFile(BaseModel):
    """`name` is the last part of the object's, without its ending."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    records: int
    size: int


class AuditJob(BaseModel):
    """`wanted` are the records it is about, `after` the last one that is done with, `records` how many have been.

    `run` counts the runs, `failures` those that failed since something was done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    tenant_id: str
    kind: JobKind
    status: JobStatus = JobStatus.QUEUED
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


class Overtaken(Exception):
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
        self._table.put(_item(job, self._expires_at(job)))

    def load(self, tenant_id: str, job_id: str) -> AuditJob | None:
        item = self._table.get(keys.audit_job(tenant_id, job_id), consistent=True)
        return _job(item) if item else None

    def take(self, tenant_id: str, job_id: str) -> AuditJob | None:
        """Begins a run, which ends the right of every run before it to write; None where the job has ended."""
        try:
            item = self._table.update(
                keys.audit_job(tenant_id, job_id),
                "SET #status = :running, updated_at_ms = :now ADD run :one",
                {":running": "running", ":now": self._clock.now_ms(), ":one": 1, **_ENDED},
                condition=_NOT_ENDED,
                names=_STATUS,
                returns="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return _job(item)

    def save(self, job: AuditJob) -> AuditJob:
        """Writes how far a run has come; raises Overtaken."""
        saved = job.model_copy(update={"updated_at_ms": self._clock.now_ms()})
        try:
            self._table.put(
                _item(saved, self._expires_at(saved)),
                condition="run = :run AND #status = :running",
                names=_STATUS,
                values={":run": job.run, ":running": "running"},
            )
        except ConditionFailed:
            raise Overtaken from None
        return saved

    def progressed(self, job: AuditJob, **changes: object) -> AuditJob:
        return self.save(job.model_copy(update={**changes, "failures": 0}))

    def failed(self, job: AuditJob) -> None:
        """Counts a failed run; the third in a row without anything done ends the job."""
        stored = self.load(job.tenant_id, job.id) or job
        failures = stored.failures + 1
        status = JobStatus.FAILED if failures >= TRIES else stored.status
        self.save(stored.model_copy(update={"run": job.run, "failures": failures, "status": status}))

    def withdraw(self, job: AuditJob) -> AuditJob:
        """Ends an export for good, a run in progress included; returns it with the files that there are to delete."""
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
        """All jobs of a tenant, newest first."""
        values = {":jobs": keys.audit_jobs(tenant_id)}
        return [_job(item) for item in self._table.query("PK = :jobs", values, newest_first=True, consistent=True)]

    def _expires_at(self, job: AuditJob) -> int:
        return job.asked_at_ms // 1000 + self._kept_s
