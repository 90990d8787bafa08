"""GET /api/marketing/ai/rate-limits: the company's limits, and what is used of them."""

from nexus_ai.administration import rate_limits
from nexus_ai.administration.rate_limits import RateLimitsView
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/rate-limits")
def handler(caller: Caller) -> RateLimitsView:
    return rate_limits.read(caller)
