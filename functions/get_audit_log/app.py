"""GET /api/marketing/ai/audit-logs/{id}: one record, prompt and answer included."""

from nexus_ai.audit import api
from nexus_ai.audit.api import AuditRecordDetail, AuditRecordPath
from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller


@endpoint("GET /api/marketing/ai/audit-logs/{id}", path=AuditRecordPath)
def handler(caller: Caller, path: AuditRecordPath) -> AuditRecordDetail:
    return api.get_record(caller, path)
