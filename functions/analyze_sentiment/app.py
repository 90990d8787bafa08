"""POST /api/marketing/ai-assistant/analyze-sentiment: how texts of customers feel, and about what."""

from nexus_ai.assistant.sentiment import service
from nexus_ai.assistant.sentiment.models import SentimentAnswer, SentimentRequest
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("POST /api/marketing/ai-assistant/analyze-sentiment", body=SentimentRequest)
def handler(caller: Caller, body: SentimentRequest) -> SentimentAnswer:
    return service.analyze_sentiment(caller, body)
