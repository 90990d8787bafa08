"""POST /api/marketing/ai/audit-logs/export: start a job that exports audit records as JSON Lines."""

from nexus_ai.audit.jobs import api
from nexus_ai.audit.jobs.api import AuditExportRequest, AuditJobView
from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role


@endpoint("POST /api/marketing/ai/audit-logs/export", body=AuditExportRequest, role=Role.ADMIN, status=202)
def handler(caller: Caller, body: AuditExportRequest) -> AuditJobView:
    return api.start_export(caller, body)
