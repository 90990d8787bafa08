"""POST /api/marketing/ai-assistant/translate: a translation that keeps what is not language."""

from nexus_ai.assistant.translation import service
from nexus_ai.assistant.translation.models import TranslationAnswer, TranslationRequest
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("POST /api/marketing/ai-assistant/translate", body=TranslationRequest)
def handler(caller: Caller, body: TranslationRequest) -> TranslationAnswer:
    return service.translate(caller, body)
