"""POST /api/marketing/ai/audit-logs/export: records as JSON Lines, by a job that can be asked for."""

from nexus_ai.administration import audit_jobs
from nexus_ai.administration.audit_jobs import AuditExportRequest, AuditJobView
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("POST /api/marketing/ai/audit-logs/export", body=AuditExportRequest, role=Role.ADMIN, status=202)
def handler(caller: Caller, body: AuditExportRequest) -> AuditJobView:
    return audit_jobs.start_export(caller, body)
