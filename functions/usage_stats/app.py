"""GET /api/marketing/ai/usage-stats: what the company used, and what is left of its limits."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.usage import api
from nexus_ai.usage.api import UsageStats, UsageStatsQuery


@endpoint("GET /api/marketing/ai/usage-stats", query=UsageStatsQuery)
def handler(caller: Caller, query: UsageStatsQuery) -> UsageStats:
    return api.get_usage_stats(caller, query)
