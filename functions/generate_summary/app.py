"""POST /api/marketing/ai-assistant/generate-summary: a summary within a number of characters."""

from nexus_ai.assistant.summary import service
from nexus_ai.assistant.summary.models import SummaryAnswer, SummaryRequest
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("POST /api/marketing/ai-assistant/generate-summary", body=SummaryRequest)
def handler(caller: Caller, body: SummaryRequest) -> SummaryAnswer:
    return service.generate_summary(caller, body)
