"""PUT /api/marketing/ai/rate-limits: change the tenant's limits."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.limits import api
from nexus_ai.limits.api import RateLimitsRequest, RateLimitsView
from nexus_ai.platform.caller import Caller, Role


@endpoint("PUT /api/marketing/ai/rate-limits", body=RateLimitsRequest, role=Role.ADMIN)
def handler(caller: Caller, body: RateLimitsRequest) -> RateLimitsView:
    return api.put_rate_limits(caller, body)
