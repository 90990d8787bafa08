"""POST /api/marketing/ai-assistant/translate: translate a text and keep its placeholders, tags and addresses."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.tasks.translation import service
from nexus_ai.tasks.translation.models import TranslationRequest, TranslationResponse


@endpoint("POST /api/marketing/ai-assistant/translate", body=TranslationRequest)
def handler(caller: Caller, body: TranslationRequest) -> TranslationResponse:
    return service.translate(caller, body)
