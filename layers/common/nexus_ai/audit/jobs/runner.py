"""Works on a job of the audit: as far as there is time, and then in another invocation."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from nexus_ai.audit.jobs import export
from nexus_ai.audit.jobs.api import job_store
from nexus_ai.audit.jobs.erasure import ErasureJob
from nexus_ai.audit.jobs.store import AuditJob, JobKind, JobStatus, JobStore, StaleRunError
from nexus_ai.audit.store import audit_store
from nexus_ai.aws import lambda_
from nexus_ai.aws.dynamodb import tables
from nexus_ai.cache.idempotency import IdempotencyStore
from nexus_ai.cache.store import CacheStore
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.errors import StoreUnavailable
from nexus_ai.platform.observability import logger
from nexus_ai.platform.schema import StoredPart

# What a run keeps of its time for the step that it is in.
STEP_MS = 60_000


class JobEvent(StoredPart):
    """The payload of the function, from the routes that start jobs and from itself.

    Unknown fields are kept, and handed on to the next run: it may be one of the version that they come from.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    tenant_id: str
    job_id: str


class UnknownJobVersionError(Exception):
    """The job is of a kind, or has a criterion, that only a newer version knows."""


class JobContext(Protocol):
    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int: ...


def run_job(event: JobEvent, context: JobContext) -> None:
    """Go on with a job; raises what went wrong, so that Lambda calls again. What was done is not done anew.

    A job that this version does not understand is left to the next tries, which may be the newer version's. After the
    last one it has failed, and nothing was done by half of its wish.
    """
    jobs = job_store()
    job = jobs.take(event.tenant_id, event.job_id)
    if job is None:
        return
    try:
        job = _run(job, jobs, lambda: context.get_remaining_time_in_millis() > STEP_MS)
    except StaleRunError:
        logger().info("another run of the job goes on", job_id=job.id)
        return
    except Exception:
        with suppress(StaleRunError, StoreUnavailable):
            jobs.failed(job)
        raise
    logger().info("job", job_id=job.id, kind=job.kind, status=job.status, records=job.records)
    if job.status is JobStatus.RUNNING:
        lambda_.invoke_later(context.invoked_function_arn, event.model_dump(by_alias=True))


def _run(job: AuditJob, jobs: JobStore, may_go_on: Callable[[], bool]) -> AuditJob:
    if not job.is_understood:
        raise UnknownJobVersionError
    audit, cache = audit_store(), tables.cache()
    if job.kind is JobKind.EXPORT:
        return export.run(job, audit, jobs, may_go_on)
    erasure = ErasureJob(audit, CacheStore(cache), IdempotencyStore(cache), jobs, SystemClock())
    return erasure.run(job, may_go_on)
