"""GET /api/marketing/ai/audit-logs/jobs/{id}: how far an export or an erasure has come."""

from nexus_ai.administration import audit_jobs
from nexus_ai.administration.audit_jobs import AuditJobView
from nexus_ai.administration.audit_logs import AuditRecordPath
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/audit-logs/jobs/{id}", path=AuditRecordPath, role=Role.ADMIN)
def handler(caller: Caller, path: AuditRecordPath) -> AuditJobView:
    return audit_jobs.read(caller, path)
