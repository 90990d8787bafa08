"""Exports of audit records and erasures of a person's content: started here, worked on by a function of their own."""

from datetime import datetime

from pydantic import Field, ValidationInfo, field_validator

from nexus_ai.audit.api import AuditRecordPath, ModuleName, UserId, milliseconds
from nexus_ai.audit.jobs.store import AuditJob, ExportFile, JobKind, JobStatus, JobStore
from nexus_ai.audit.models import AuditFilter, AuditStatus
from nexus_ai.aws import lambda_, s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.limits.hourly import HourlyCounter
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import SystemClock, iso
from nexus_ai.platform.errors import JobsUnavailable, NotFound
from nexus_ai.platform.schema import Moment, ParameterModel, RequestModel, ResponseModel
from nexus_ai.platform.settings import get_settings
from nexus_ai.platform.units import DAY_S, HOUR_S
from nexus_ai.providers.base import ProviderName

# Each goes through up to all records, and keeps a function busy for as long as it does.
COUNTED = "auditJobsPerHour"
JOBS_PER_HOUR = 30
# How long a link to a file of an export works; whoever asks for the job again gets another one.
LINK_S = 15 * 60
# As long as the bucket keeps the files of exports, at the least (template.yaml).
FILES_KEPT_MS = DAY_S * 1000
# No run lives longer than 15 minutes, and Lambda calls a failed one again within three.
STALLED_MS = HOUR_S * 1000


class AuditExportRequest(RequestModel):
    """Records that began at `from` or later and before `to` (now, where it is not named), with prompts and answers
    where `content` says so."""

    since: Moment = Field(alias="from")
    until: Moment | None = Field(default=None, alias="to")
    user_id: UserId | None = None
    provider: ProviderName | None = None
    module: ModuleName | None = None
    status: AuditStatus | None = None
    content: bool = False

    @field_validator("until")
    @classmethod
    def _is_later(cls, until: datetime | None, known: ValidationInfo) -> datetime | None:
        if until is not None and "since" in known.data and until <= known.data["since"]:
            raise ValueError("must be later than from")
        return until


class AuditErasureQuery(ParameterModel):
    user_id: UserId


class AuditExportFileView(ResponseModel):
    """JSON Lines, one record each. The link works until `expires_at`; the file is there for a day."""

    url: str
    records: int
    bytes: int
    expires_at: str


class AuditJobView(ResponseModel):
    """`user_id` is whose records it is about, null for everybody's; `records` how many it has been through."""

    id: str
    kind: JobKind
    status: JobStatus
    user_id: str | None
    content: bool
    asked_by: str
    asked_at: str
    updated_at: str
    records: int
    files: tuple[AuditExportFileView, ...]


def job_store() -> JobStore:
    return JobStore(tables.audit_logs(), SystemClock(), days=get_settings().metadata_retention_days)


def start_export(caller: Caller, request: AuditExportRequest) -> AuditJobView:
    """Raises LimitExceeded, StoreUnavailable and JobsUnavailable."""
    now_ms = SystemClock().now_ms()
    wanted = AuditFilter(
        from_ms=milliseconds(request.since),
        to_ms=min(milliseconds(request.until), now_ms) if request.until else now_ms,
        user_id=request.user_id,
        provider=request.provider,
        module=request.module,
        status=request.status,
    )
    return _start(caller, JobKind.EXPORT, wanted, with_content=request.content)


def start_erasure(caller: Caller, query: AuditErasureQuery) -> AuditJobView:
    """Of everything that the user asked until now. Raises LimitExceeded, StoreUnavailable and JobsUnavailable."""
    wanted = AuditFilter(from_ms=0, to_ms=SystemClock().now_ms() + 1, user_id=query.user_id)
    return _start(caller, JobKind.ERASURE, wanted, with_content=True)


def get_job(caller: Caller, path: AuditRecordPath) -> AuditJobView:
    """Return how far a job has come, with links to what there is to fetch; raises NotFound and StoreUnavailable.

    A kind of job that this version does not know is not found.
    """
    job = job_store().load(caller.tenant_id, path.id)
    if job is None or job.kind not in JobKind:
        raise NotFound
    return _view(job)


def file_name(job: AuditJob, file: ExportFile) -> str:
    return keys.export_object(job.tenant_id, job.id, file.name)


def _start(caller: Caller, kind: JobKind, wanted: AuditFilter, *, with_content: bool) -> AuditJobView:
    now_ms, store = SystemClock().now_ms(), job_store()
    HourlyCounter(tables.rate_limits(), COUNTED, JOBS_PER_HOUR).take(caller.tenant_id, now_ms)
    job = AuditJob(
        id=caller.request_id,
        tenant_id=caller.tenant_id,
        kind=kind,
        wanted=wanted,
        with_content=with_content,
        asked_by=caller.user_id,
        asked_at_ms=now_ms,
        ip=caller.ip,
        user_agent=caller.user_agent,
        updated_at_ms=now_ms,
    )
    store.put(job)
    try:
        event = {"tenantId": job.tenant_id, "jobId": job.id}
        lambda_.invoke_later(get_settings().run_audit_job_function or "", event)
    except JobsUnavailable:
        store.give_up(job)
        raise
    return _view(job)


def _status(job: AuditJob, now_ms: int) -> JobStatus:
    """Return a job's status as it is shown.

    A status that this version does not know is a newer one's work: it runs. What was not moved on for a long time has
    failed.
    """
    status = JobStatus(job.status) if job.status in JobStatus else JobStatus.RUNNING
    goes_on = status in {JobStatus.QUEUED, JobStatus.RUNNING}
    return JobStatus.FAILED if goes_on and now_ms >= job.updated_at_ms + STALLED_MS else status


def _view(job: AuditJob) -> AuditJobView:
    now_ms = SystemClock().now_ms()
    there = job.status is JobStatus.DONE and now_ms < job.asked_at_ms + FILES_KEPT_MS
    return AuditJobView(
        id=job.id,
        kind=JobKind(job.kind),
        status=_status(job, now_ms),
        user_id=job.wanted.user_id,
        content=job.with_content,
        asked_by=job.asked_by,
        asked_at=iso(job.asked_at_ms),
        updated_at=iso(job.updated_at_ms),
        records=job.records,
        files=tuple(
            AuditExportFileView(
                url=s3.link(file_name(job, file), LINK_S),
                records=file.records,
                bytes=file.size,
                expires_at=iso(now_ms + LINK_S * 1000),
            )
            for file in (job.files if there else ())
        ),
    )
