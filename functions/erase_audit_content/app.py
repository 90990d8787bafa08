"""DELETE /api/marketing/ai/audit-logs?userId=...: start a job that erases a user's prompts and completions."""

from nexus_ai.audit.jobs import api
from nexus_ai.audit.jobs.api import AuditErasureQuery, AuditJobView
from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role


@endpoint("DELETE /api/marketing/ai/audit-logs", query=AuditErasureQuery, role=Role.ADMIN, status=202)
def handler(caller: Caller, query: AuditErasureQuery) -> AuditJobView:
    return api.start_erasure(caller, query)
