"""GET /api/marketing/ai/usage-stats: get the tenant's usage and the rest of its limits."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.usage import api
from nexus_ai.usage.api import UsageStats, UsageStatsQuery


@endpoint("GET /api/marketing/ai/usage-stats", query=UsageStatsQuery)
def handler(caller: Caller, query: UsageStatsQuery) -> UsageStats:
    return api.get_usage_stats(caller, query)
