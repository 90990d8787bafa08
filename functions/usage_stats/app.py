"""GET /api/marketing/ai/usage-stats: what the company used, and what is left of its limits."""

from nexus_ai.administration import usage_stats
from nexus_ai.administration.usage_stats import UsageStats, UsageStatsQuery
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/usage-stats", query=UsageStatsQuery)
def handler(caller: Caller, query: UsageStatsQuery) -> UsageStats:
    return usage_stats.read(caller, query)
