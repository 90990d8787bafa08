"""GET /api/marketing/ai/audit-logs: who asked what, when, at what cost and with what end."""

from nexus_ai.administration import audit_logs
from nexus_ai.administration.audit_logs import AuditLogsPage, AuditLogsQuery
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/audit-logs", query=AuditLogsQuery)
def handler(caller: Caller, query: AuditLogsQuery) -> AuditLogsPage:
    return audit_logs.page(caller, query)
