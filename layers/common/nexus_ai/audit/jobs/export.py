"""A run of an export: records, oldest first, as JSON Lines into files of S3.

A file is put, then the job says that it belongs to it. A run that was overtaken in between takes its file back.
"""

from collections.abc import Callable, Sequence
from functools import partial

from nexus_ai.audit.api import AuditRecordExport, export_view
from nexus_ai.audit.jobs.api import file_name
from nexus_ai.audit.jobs.store import AuditJob, ExportFile, JobStatus, JobStore, StaleRunError
from nexus_ai.audit.models import AccessEntry, AccessKind, AuditRecord, Content
from nexus_ai.audit.store import AuditStore, ContentDamagedError
from nexus_ai.aws import s3
from nexus_ai.net.concurrency import run_all
from nexus_ai.platform.observability import logger

# Small enough for a function's memory, large enough that most exports are one file.
FILE_BYTES = 8 * 1024 * 1024
PAGE = 100


class ExportedRecord(AuditRecordExport):
    """`content_damaged` says that prompt and answer are missing because what was kept is not what was written."""

    content_damaged: bool = False


def run(job: AuditJob, audit: AuditStore, jobs: JobStore, may_go_on: Callable[[], bool]) -> AuditJob:
    """Goes on with the job until it is done or time is short; returns it as it is then."""
    while job.status is JobStatus.RUNNING and may_go_on():
        lines: list[bytes] = []
        size, after = 0, job.after
        while True:
            found = audit.search(job.tenant_id, job.wanted, limit=PAGE, after=after, newest_first=False)
            page = _lines(job, audit, found.records)
            lines += page
            size += sum(len(line) for line in page)
            after, ended = found.last or after, found.last is None
            if ended or size >= FILE_BYTES or not may_go_on():
                break
        job = _written(job, jobs, lines, after, ended=ended)
    return job


def _written(job: AuditJob, jobs: JobStore, lines: Sequence[bytes], after: str | None, *, ended: bool) -> AuditJob:
    file = ExportFile(name=f"{len(job.files):05}-{job.run}", records=len(lines), size=sum(map(len, lines)))
    if lines:
        s3.put(file_name(job, file), b"".join(lines))
    try:
        return jobs.progressed(
            job,
            after=after,
            records=job.records + len(lines),
            file=file if lines else None,
            status=JobStatus.DONE if ended else JobStatus.RUNNING,
        )
    except StaleRunError:
        if lines:
            s3.delete([file_name(job, file)])
        raise


def _lines(job: AuditJob, audit: AuditStore, records: Sequence[AuditRecord]) -> list[bytes]:
    """The records' lines. Whose content is in them is written down first."""
    if not job.with_content:
        return [_line(record, []) for record in records]
    now_s = job.asked_at_ms // 1000
    contents = run_all(partial(_contents, audit, record, now_s) for record in records)
    read = list(zip(records, contents, strict=True))
    audit.record_accesses(job.tenant_id, [_access(job, record) for record, contents in read if contents])
    return [_line(record, contents) for record, contents in read]


def _contents(audit: AuditStore, record: AuditRecord, now_s: int) -> list[Content] | None:
    """None for content that is damaged: one record must not keep all the others from being exported."""
    try:
        return audit.contents(record.tenant_id, record.id, now_s)
    except ContentDamagedError:
        logger().error("damaged content", record_id=record.id)
        return None


def _line(record: AuditRecord, contents: list[Content] | None) -> bytes:
    line = ExportedRecord(**dict(export_view(record, contents or [])), content_damaged=contents is None)
    return line.model_dump_json(by_alias=True).encode() + b"\n"


def _access(job: AuditJob, record: AuditRecord) -> AccessEntry:
    return AccessEntry(
        id=job.id,
        at_ms=job.asked_at_ms,
        record_id=record.id,
        kind=AccessKind.EXPORTED,
        user_id=job.asked_by,
        ip=job.ip,
        user_agent=job.user_agent,
    )
