"""POST /api/marketing/ai-assistant/generate-copy-v2: generate marketing copy."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.tasks.copywriting import service
from nexus_ai.tasks.copywriting.models import CopyRequest, CopyResponse


@endpoint("POST /api/marketing/ai-assistant/generate-copy-v2", body=CopyRequest)
def handler(caller: Caller, body: CopyRequest) -> CopyResponse:
    return service.generate_copy(caller, body)
