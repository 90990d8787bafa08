"""GET /api/marketing/ai/audit-logs/{id}: one record, prompt and answer included."""

from nexus_ai.administration import audit_logs
from nexus_ai.administration.audit_logs import AuditRecordDetail, AuditRecordPath
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/audit-logs/{id}", path=AuditRecordPath)
def handler(caller: Caller, path: AuditRecordPath) -> AuditRecordDetail:
    return audit_logs.read(caller, path)
