"""POST /api/marketing/ai-assistant/analyze-sentiment: analyze the sentiment of texts, overall and by aspect."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.tasks.sentiment import service
from nexus_ai.tasks.sentiment.models import SentimentRequest, SentimentResponse


@endpoint("POST /api/marketing/ai-assistant/analyze-sentiment", body=SentimentRequest)
def handler(caller: Caller, body: SentimentRequest) -> SentimentResponse:
    return service.analyze_sentiment(caller, body)
