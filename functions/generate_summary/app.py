"""POST /api/marketing/ai-assistant/generate-summary: summarize a text within a number of characters."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.tasks.summary import service
from nexus_ai.tasks.summary.models import SummaryRequest, SummaryResponse


@endpoint("POST /api/marketing/ai-assistant/generate-summary", body=SummaryRequest)
def handler(caller: Caller, body: SummaryRequest) -> SummaryResponse:
    return service.generate_summary(caller, body)
