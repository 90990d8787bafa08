"""POST /api/marketing/ai-assistant/generate-copy-v2: marketing copy."""

from nexus_ai.assistant.copywriting import service
from nexus_ai.assistant.copywriting.models import CopyAnswer, CopyRequest
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("POST /api/marketing/ai-assistant/generate-copy-v2", body=CopyRequest)
def handler(caller: Caller, body: CopyRequest) -> CopyAnswer:
    return service.generate_copy(caller, body)
