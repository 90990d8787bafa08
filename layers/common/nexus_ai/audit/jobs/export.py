"""Export audit records to S3 as JSON Lines, oldest first.

A run uploads a file and then adds it to the job. If another run has taken over in between, it deletes the file again.
"""

from collections.abc import Callable, Sequence
from functools import partial

from nexus_ai.audit.api import AuditRecordExport, export_view
from nexus_ai.audit.jobs.api import file_name
from nexus_ai.audit.jobs.store import AuditJob, ExportFile, JobStatus, JobStore, StaleRunError, job_access
from nexus_ai.audit.models import AccessKind, AuditRecord, Content
from nexus_ai.audit.store import AuditStore, ContentDamagedError
from nexus_ai.aws import s3
from nexus_ai.net.concurrency import run_all
from nexus_ai.platform.observability import logger

# Fits into the function's memory. Most exports need only one file of this size.
FILE_BYTES = 8 * 1024 * 1024
PAGE = 100


class ExportedRecord(AuditRecordExport):
    """Audit record as one line of an export file.

    `content_damaged` is true if the stored content failed its checksum. Prompt and completion are then missing.
    """

    content_damaged: bool = False


def run(job: AuditJob, audit: AuditStore, jobs: JobStore, has_time: Callable[[], bool]) -> AuditJob:
    """Continue an export until it is done or time runs short.

    Args:
        job: The job as `JobStore.start_run` returned it.
        audit: Source of the records and their content.
        jobs: Store of the job's progress.
        has_time: Returns False when the function must stop.

    Returns:
        The job with its latest progress and status.

    Raises:
        StaleRunError: Another run has taken over the job.
        StoreUnavailable: A store could not be reached.
    """
    while job.status is JobStatus.RUNNING and has_time():
        lines: list[bytes] = []
        size, after = 0, job.after
        while True:
            found = audit.search(job.tenant_id, job.wanted, limit=PAGE, after=after, newest_first=False)
            page = _lines(job, audit, found.records)
            lines += page
            size += sum(len(line) for line in page)
            after, finished = found.last or after, found.last is None
            if finished or size >= FILE_BYTES or not has_time():
                break
        job = _write_file(job, jobs, lines, after, finished=finished)
    return job


def _write_file(
    job: AuditJob, jobs: JobStore, lines: Sequence[bytes], after: str | None, *, finished: bool
) -> AuditJob:
    file = ExportFile(name=f"{len(job.files):05}-{job.run}", records=len(lines), size=sum(map(len, lines)))
    if lines:
        s3.put(file_name(job, file), b"".join(lines))
    try:
        return jobs.save_progress(
            job,
            after=after,
            records=job.records + len(lines),
            file=file if lines else None,
            status=JobStatus.DONE if finished else JobStatus.RUNNING,
        )
    except StaleRunError:
        if lines:
            s3.delete([file_name(job, file)])
        raise


def _lines(job: AuditJob, audit: AuditStore, records: Sequence[AuditRecord]) -> list[bytes]:
    """Return one line per record. Write the access entries before any content leaves the store."""
    if not job.with_content:
        return [_line(record, []) for record in records]
    now_s = job.asked_at_ms // 1000
    contents = run_all(partial(_contents, audit, record, now_s) for record in records)
    read = list(zip(records, contents, strict=True))
    audit.record_accesses(
        job.tenant_id, [job_access(job, record, AccessKind.EXPORTED) for record, contents in read if contents]
    )
    return [_line(record, contents) for record, contents in read]


def _contents(audit: AuditStore, record: AuditRecord, now_s: int) -> list[Content] | None:
    """Return the content of a record, or None if it is damaged, so that one record does not stop the export."""
    try:
        return audit.contents(record.tenant_id, record.id, now_s)
    except ContentDamagedError:
        logger().error("damaged content", record_id=record.id)
        return None


def _line(record: AuditRecord, contents: list[Content] | None) -> bytes:
    line = ExportedRecord(**dict(export_view(record, contents or [])), content_damaged=contents is None)
    return line.model_dump_json(by_alias=True).encode() + b"\n"
