"""GET /api/marketing/ai/fallback-config: in which order providers are asked, module by module."""

from nexus_ai.administration import fallback
from nexus_ai.administration.fallback import FallbackView
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/fallback-config")
def handler(caller: Caller) -> FallbackView:
    return fallback.read(caller)
