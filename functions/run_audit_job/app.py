"""Works on exports and erasures. Called by the routes that start them and, where its time ends first, by itself."""

from collections.abc import Mapping

from nexus_ai.administration import audit_work
from nexus_ai.administration.audit_work import JobContext, JobEvent
from nexus_ai.core.observability import request_keys


def handler(event: Mapping[str, str], context: JobContext) -> None:
    job = JobEvent.model_validate(event)
    with request_keys(route="run_audit_job", lambda_request_id=context.aws_request_id, tenant_id=job.tenant_id):
        audit_work.work(job, context)
