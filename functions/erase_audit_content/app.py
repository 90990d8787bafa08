"""DELETE /api/marketing/ai/audit-logs?userId=...: erases what a person asked and was answered, by a job."""

from nexus_ai.administration import audit_jobs
from nexus_ai.administration.audit_jobs import AuditErasureQuery, AuditJobView
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("DELETE /api/marketing/ai/audit-logs", query=AuditErasureQuery, role=Role.ADMIN, status=202)
def handler(caller: Caller, query: AuditErasureQuery) -> AuditJobView:
    return audit_jobs.start_erasure(caller, query)
