"""What the tests of administrators' routes share."""

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
    """A request of a tenant for which nothing is configured but what the test did."""
    return ask(stack.url, method, path, token=stack.stranger_token(tenant, roles=[role]), body=body)


def configure(stack: LocalStack, tenant: str, *providers: str, **fields: Any) -> None:
    """Saves a configuration for each provider, untested."""
    for provider in providers:
        reply = call(stack, tenant, "PUT", f"{CONFIGS}/{provider}", {**CONFIG, "validate": False, **fields})
        assert reply.status == 200, reply.body


def stored(tenant: str) -> TenantSettings:
    """What is in the table at this moment."""
    return gateway().settings.current(caller_of(tenant))


def refused_fields(reply: Reply) -> list[str]:
    """The fields that a 422 names. A list of which an item is refused counts as empty, too, which is left out."""
    assert (reply.status, reply.body["code"]) == (422, "validation_failed"), reply.body
    fields = [error["field"] for error in reply.body["errors"]]
    return [field for field in fields if not any(other.startswith(f"{field}.") for other in fields)]
