"""Run an audit job until it is done, and invoke the function again if time runs short."""

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

# Time that a run reserves to finish its current step.
STEP_MS = 60_000


class JobEvent(StoredPart):
    """Payload of the function, sent by the routes that start jobs and by the function itself.

    Unknown fields are kept and passed on to the next run. A newer version may have written them and may run next.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    tenant_id: str
    job_id: str


class UnknownJobVersionError(Exception):
    """Job whose kind or filter only a newer version understands."""


class JobContext(Protocol):
    """Part of Lambda's context object that a run uses."""

    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the invocation."""
        ...


def run_job(event: JobEvent, context: JobContext) -> None:
    """Continue a job from its stored progress.

    Lambda repeats a failed invocation twice, and the newer version may serve the repetition. A job that this version
    does not understand is therefore left untouched. It is marked as failed after the last attempt.

    Raises:
        UnknownJobVersionError: This version does not know the job's kind or one of its filter criteria.
        Exception: The run failed. The failure is counted and raised again, so that Lambda repeats the invocation.
    """
    jobs = job_store()
    job = jobs.start_run(event.tenant_id, event.job_id)
    if job is None:
        return
    try:
        job = _run(job, jobs, lambda: context.get_remaining_time_in_millis() > STEP_MS)
    except StaleRunError:
        logger().info("another run has taken over the job", job_id=job.id)
        return
    except Exception:
        with suppress(StaleRunError, StoreUnavailable):
            jobs.record_failure(job)
        raise
    logger().info("job", job_id=job.id, kind=job.kind, status=job.status, records=job.records)
    if job.status is JobStatus.RUNNING:
        lambda_.invoke_later(context.invoked_function_arn, event.model_dump(by_alias=True))


def _run(job: AuditJob, jobs: JobStore, has_time: Callable[[], bool]) -> AuditJob:
    if not job.is_understood:
        raise UnknownJobVersionError
    audit, cache = audit_store(), tables.cache()
    if job.kind is JobKind.EXPORT:
        return export.run(job, audit, jobs, has_time)
    erasure = ErasureJob(audit, CacheStore(cache), IdempotencyStore(cache), jobs, SystemClock())
    return erasure.run(job, has_time)
