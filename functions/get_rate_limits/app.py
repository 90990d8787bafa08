"""GET /api/marketing/ai/rate-limits: get the tenant's limits and their current use."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.limits import api
from nexus_ai.limits.api import RateLimitsView
from nexus_ai.platform.caller import Caller


@endpoint("GET /api/marketing/ai/rate-limits")
def handler(caller: Caller) -> RateLimitsView:
    return api.get_rate_limits(caller)
