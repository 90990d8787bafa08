"""GET /api/health: check that the service responds, and get its version."""

from nexus_ai import health
from nexus_ai.health import Health, HealthQuery
from nexus_ai.http.endpoint import public_endpoint


@public_endpoint("GET /api/health", query=HealthQuery)
def handler(query: HealthQuery) -> Health:
    return health.get_health(query)
