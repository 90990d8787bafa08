"""GET /api/marketing/ai/fallback-config: get the order of providers for each module."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.settings import fallback_api
from nexus_ai.settings.fallback_api import FallbackSettings


@endpoint("GET /api/marketing/ai/fallback-config")
def handler(caller: Caller) -> FallbackSettings:
    return fallback_api.get_fallback(caller)
