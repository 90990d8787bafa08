"""GET /api/marketing/ai/audit-logs/jobs/{id}: get the progress of an export or erasure."""

from nexus_ai.audit.api import AuditRecordPath
from nexus_ai.audit.jobs import api
from nexus_ai.audit.jobs.api import AuditJobView
from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role


@endpoint("GET /api/marketing/ai/audit-logs/jobs/{id}", path=AuditRecordPath, role=Role.ADMIN)
def handler(caller: Caller, path: AuditRecordPath) -> AuditJobView:
    return api.get_job(caller, path)
