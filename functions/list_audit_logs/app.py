"""GET /api/marketing/ai/audit-logs: list audit records with user, time, cost and status."""

from nexus_ai.audit import api
from nexus_ai.audit.api import AuditLogsPage, AuditLogsQuery
from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller


@endpoint("GET /api/marketing/ai/audit-logs", query=AuditLogsQuery)
def handler(caller: Caller, query: AuditLogsQuery) -> AuditLogsPage:
    return api.list_records(caller, query)
