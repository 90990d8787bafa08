"""Start audit exports and erasures, and show their progress.

The jobs themselves run in a separate Lambda function (runner.py).
"""

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

# A job may read every record of the tenant, so the number of jobs per hour is limited.
COUNTED = "auditJobsPerHour"
JOBS_PER_HOUR = 30
# Validity of a download link. Each request for the job creates new links.
LINK_VALID_S = 15 * 60
# The bucket keeps export files at least this long (template.yaml).
FILES_KEPT_MS = DAY_S * 1000
# A run lasts at most 15 minutes, and Lambda repeats a failed one within three minutes.
STALLED_MS = HOUR_S * 1000


class AuditExportRequest(RequestModel):
    """Filter of the records to export.

    It selects records that began at `from` or later and before `to`. Without `to`, the export ends at the current time.
    With `content`, the files include prompts and completions.
    """

    since: Moment = Field(alias="from")
    until: Moment | None = Field(default=None, alias="to")
    user_id: UserId | None = None
    provider: ProviderName | None = None
    module: ModuleName | None = None
    status: AuditStatus | None = None
    content: bool = False

    @field_validator("until")
    @classmethod
    def _is_later(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        if until is not None and "since" in info.data and until <= info.data["since"]:
            raise ValueError("Must be later than `from`")
        return until


class AuditErasureQuery(ParameterModel):
    """User whose prompts and completions to erase."""

    user_id: UserId


class AuditExportFileView(ResponseModel):
    """Export file in JSON Lines format, one audit record per line.

    The link works until `expiresAt`. To get a new link, get the job again. The file is deleted after one day.
    """

    url: str
    records: int
    bytes: int
    expires_at: str


class AuditJobView(ResponseModel):
    """Export or erasure of audit records.

    `userId` is the user whose records are processed; null means all users. `records` is the number of records processed
    so far. `files` lists the files of a finished export until they are deleted.
    """

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
    """Return the store of audit jobs."""
    return JobStore(tables.audit_logs(), SystemClock(), days=get_settings().metadata_retention_days)


def start_export(caller: Caller, request: AuditExportRequest) -> AuditJobView:
    """Start an export of audit records.

    Raises:
        LimitExceeded: The tenant has started too many jobs in this hour.
        StoreUnavailable: DynamoDB could not be reached.
        JobsUnavailable: The function that runs the job could not be invoked.
    """
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
    """Start an erasure of all prompts and completions of a user up to now.

    Raises:
        LimitExceeded: The tenant has started too many jobs in this hour.
        StoreUnavailable: DynamoDB could not be reached.
        JobsUnavailable: The function that runs the job could not be invoked.
    """
    wanted = AuditFilter(from_ms=0, to_ms=SystemClock().now_ms() + 1, user_id=query.user_id)
    return _start(caller, JobKind.ERASURE, wanted, with_content=True)


def get_job(caller: Caller, path: AuditRecordPath) -> AuditJobView:
    """Return the progress of a job, with links to the files of a finished export.

    Raises:
        NotFound: The tenant has no job with this id, or only a newer version knows its kind.
        StoreUnavailable: DynamoDB or S3 could not be reached.
    """
    job = job_store().load(caller.tenant_id, path.id)
    if job is None or job.kind not in JobKind:
        raise NotFound
    return _view(job)


def file_name(job: AuditJob, file: ExportFile) -> str:
    """Return the name of the S3 object of an export file."""
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
        store.fail_unstarted(job)
        raise
    return _view(job)


def _status(job: AuditJob, now_ms: int) -> JobStatus:
    """Return the status to show.

    A status that only a newer version knows is shown as running. A job without progress for an hour is shown as failed.
    """
    status = JobStatus(job.status) if job.status in JobStatus else JobStatus.RUNNING
    is_unfinished = status in {JobStatus.QUEUED, JobStatus.RUNNING}
    return JobStatus.FAILED if is_unfinished and now_ms >= job.updated_at_ms + STALLED_MS else status


def _view(job: AuditJob) -> AuditJobView:
    now_ms = SystemClock().now_ms()
    is_available = job.status is JobStatus.DONE and now_ms < job.asked_at_ms + FILES_KEPT_MS
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
                url=s3.link(file_name(job, file), LINK_VALID_S),
                records=file.records,
                bytes=file.size,
                expires_at=iso(now_ms + LINK_VALID_S * 1000),
            )
            for file in (job.files if is_available else ())
        ),
    )
