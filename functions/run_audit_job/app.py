"""Run export and erasure jobs. The routes that start them invoke it, and it invokes itself if time runs short."""

from collections.abc import Mapping

from nexus_ai.audit.jobs import runner
from nexus_ai.audit.jobs.runner import JobContext, JobEvent
from nexus_ai.platform.observability import request_keys


def handler(event: Mapping[str, str], context: JobContext) -> None:
    job = JobEvent.model_validate(event)
    with request_keys(route="run_audit_job", lambda_request_id=context.aws_request_id, tenant_id=job.tenant_id):
        runner.run_job(job, context)
