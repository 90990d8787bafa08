"""GET /api/marketing/ai/audit-logs/{id}: get an audit record with its prompt and completion."""

from nexus_ai.audit import api
from nexus_ai.audit.api import AuditRecordDetail, AuditRecordPath
from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller


@endpoint("GET /api/marketing/ai/audit-logs/{id}", path=AuditRecordPath)
def handler(caller: Caller, path: AuditRecordPath) -> AuditRecordDetail:
    return api.get_record(caller, path)
