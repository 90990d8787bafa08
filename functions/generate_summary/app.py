"""POST /api/marketing/ai-assistant/generate-summary: a summary within a number of characters."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.tasks.summary import service
from nexus_ai.tasks.summary.models import SummaryAnswer, SummaryRequest


@endpoint("POST /api/marketing/ai-assistant/generate-summary", body=SummaryRequest)
def handler(caller: Caller, body: SummaryRequest) -> SummaryAnswer:
    return service.generate_summary(caller, body)
