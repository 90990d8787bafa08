"""PUT /api/marketing/ai/fallback-config: new orders for the modules that it names."""

from nexus_ai.administration import fallback
from nexus_ai.administration.fallback import FallbackRequest, FallbackView
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("PUT /api/marketing/ai/fallback-config", body=FallbackRequest, role=Role.ADMIN)
def handler(caller: Caller, body: FallbackRequest) -> FallbackView:
    return fallback.change(caller, body)
