"""PUT /api/marketing/ai/rate-limits: new limits for the company."""

from nexus_ai.administration import rate_limits
from nexus_ai.administration.rate_limits import RateLimitsRequest, RateLimitsView
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("PUT /api/marketing/ai/rate-limits", body=RateLimitsRequest, role=Role.ADMIN)
def handler(caller: Caller, body: RateLimitsRequest) -> RateLimitsView:
    return rate_limits.change(caller, body)
