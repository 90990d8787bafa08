"""PUT /api/marketing/ai/fallback-config: change the order of providers for the given modules."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.settings import fallback_api
from nexus_ai.settings.fallback_api import FallbackRequest, FallbackSettings


@endpoint("PUT /api/marketing/ai/fallback-config", body=FallbackRequest, role=Role.ADMIN)
def handler(caller: Caller, body: FallbackRequest) -> FallbackSettings:
    return fallback_api.put_fallback(caller, body)
