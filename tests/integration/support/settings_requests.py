"""Send requests to the routes of admins, and read the stored settings."""

from collections.abc import Mapping
from typing import Any

from local.stack import LocalStack
from nexus_ai.gateway.composition import gateway
from nexus_ai.settings.models import TenantSettings
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.limit_calls import caller_of

CONFIGS = "/api/marketing/ai/configs"
PREFERENCES = "/api/marketing/ai/preferences"
FALLBACK = "/api/marketing/ai/fallback-config"
RATE_LIMITS = "/api/marketing/ai/rate-limits"

KEY = "sk-canary-5d41402abc4b2a76"
CONFIG: Mapping[str, Any] = {"apiKey": KEY, "model": "gpt-6-luna"}


def call(stack: LocalStack, tenant: str, method: str, path: str, body: object = None, *, role: str = "admin") -> Reply:
    """Send a request of a tenant that has only what the test configured."""
    return ask(stack.url, method, path, token=stack.stranger_token(tenant, roles=[role]), body=body)


def configure(stack: LocalStack, tenant: str, *providers: str, **fields: Any) -> None:
    """Save a config for each provider, without testing its key."""
    for provider in providers:
        reply = call(stack, tenant, "PUT", f"{CONFIGS}/{provider}", {**CONFIG, "validate": False, **fields})
        assert reply.status == 200, reply.body


def stored(tenant: str) -> TenantSettings:
    """Return the settings that the table has now."""
    return gateway().settings.current(caller_of(tenant))


def refused_fields(reply: Reply) -> list[str]:
    """Return the fields that a 422 names.

    A list with an invalid item is named too, because it then counts as empty. It is left out here.
    """
    assert (reply.status, reply.body["code"]) == (422, "validation_failed"), reply.body
    fields = [error["field"] for error in reply.body["errors"]]
    return [field for field in fields if not any(other.startswith(f"{field}.") for other in fields)]
