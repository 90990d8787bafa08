"""Test every route of the API with ids of another tenant: its data is neither read nor changed."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from local.openapi.reference import COMMITTED
from local.stack import LocalStack
from nexus_ai.aws.dynamodb import tables
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import copy, records, set_limits, welcome

DOCUMENT: dict[str, Any] = json.loads(COMMITTED.read_text("utf-8"))


class Route(NamedTuple):
    method: str
    path: str
    operation: dict[str, Any]

    @property
    def body(self) -> Any:
        """Return the example of a request body, or None."""
        return self.operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")


ROUTES = [
    Route(method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
each_route = pytest.mark.parametrize("route", [pytest.param(each, id=f"{each.method} {each.path}") for each in ROUTES])
each_body = pytest.mark.parametrize(
    "route", [pytest.param(each, id=f"{each.method} {each.path}") for each in ROUTES if each.body]
)
# Fields that could send a provider key or a prompt to another address.
ADDRESS_FIELDS = ("base_url", "baseUrl", "apiBase", "api_base", "endpoint", "proxy", "url")
OWNER_FIELDS = ("tenantId", "tenant_id", "tenant", "userId")
# All data of the other tenant contains this text.
SECRET = "assunto-sigiloso"
# Responses of these routes never contain the secret, because they are about providers or the deployment.
ROUTES_WITHOUT_SECRET = ("/models", "/health")


@pytest.fixture(scope="module")
def other_tenant(local_stack: LocalStack) -> str:
    """Return another tenant, which has settings, a call and its record."""
    stack = local_stack
    other = f"other-{uuid4().hex[:16]}"
    welcome(stack, other)
    set_limits(other, requests=50)
    admin = stack.token(other, "bia", ["admin"])
    price = {"provider": "openai", "model": SECRET, "inputPerMillionUsd": 1, "outputPerMillionUsd": 2}
    settings: dict[str, dict[str, Any]] = {
        "rate-limits": {"alertEmails": [f"{SECRET}@example.com"], "alertThresholds": [50]},
        "configs/groq": {"apiKey": "gsk-of-the-other-tenant", "model": SECRET, "validate": False},
        "fallback-config": {"modules": {SECRET: {"providers": [{"provider": "groq"}]}}},
        "preferences": {"prices": [price]},
    }
    for path, body in settings.items():
        assert ask(stack.url, "PUT", f"/api/marketing/ai/{path}", token=admin, body=body).status == 200
    assert copy(stack, other, {"prompt": f"{SECRET} da clínica", "module": SECRET}).status == 200
    # Without this config no models can be listed with their provider key.
    assert ask(stack.url, "DELETE", "/api/marketing/ai/configs/openai", token=admin).status == 200
    return other


def job_of(stack: LocalStack, tenant: str) -> str:
    admin = stack.token(tenant, "bia", ["admin"])
    body = {"from": "2026-11-01T00:00:00Z", "userId": SECRET}
    reply = ask(stack.url, "POST", "/api/marketing/ai/audit-logs/export", token=admin, body=body)
    identity: str = reply.body["id"]
    return identity


def everything(tenant: str) -> list[Any]:
    """Return all stored items of a tenant, except its jobs, which change by themselves."""
    partitions = [
        (tables.settings(), tenant),
        (tables.rate_limits(), tenant),
        (tables.usage(), tenant),
        (tables.audit_logs(), tenant),
        (tables.audit_logs(), f"{tenant}#content"),
        *((tables.cache(), f"{tenant}#{record.cache_key}") for record in records(tenant)),
    ]
    found = [list(table.query("PK = :key", {":key": key}, consistent=True)) for table, key in partitions]
    assert all(found), "each table has items that could be seen or changed"
    return found


def call_route(stack: LocalStack, tenant: str, route: Route, **given: Any) -> Reply:
    """Send the route's example as an admin. `given` replaces path parameters, query, body or headers."""
    path = route.path
    examples = {each["name"]: each["example"] for each in route.operation["parameters"] if "example" in each}
    for name, value in (examples | given.get("path", {})).items():
        path = path.replace(f"{{{name}}}", str(value))
    query = urlencode(given.get("query", {}))
    return ask(
        stack.url,
        route.method,
        f"{path}?{query}" if query else path,
        token=stack.token(tenant, "ana", ["admin"]),
        body=given.get("body", route.body),
        headers=given.get("headers", {}),
    )


@each_route
def test_no_route_reads_or_changes_another_tenants_data(
    stack: LocalStack, tenant: str, other_tenant: str, route: Route
) -> None:
    (record,) = records(other_tenant)
    identity = job_of(stack, other_tenant) if "/jobs/" in route.path else record.id
    before = everything(other_tenant)
    if route.method == "GET" and not route.path.endswith(ROUTES_WITHOUT_SECRET):
        own_reply = call_route(stack, other_tenant, route, path={"id": identity})
        assert SECRET in json.dumps(own_reply.body), "a leak of this response would contain the secret"
    # All places in which a client could name another tenant or user.
    headers = {"X-Tenant-Id": other_tenant, "X-User-Id": "bia", "X-Amzn-Oidc-Identity": other_tenant}
    queries = [{}, {"userId": "bia"}, {"tenantId": other_tenant}]
    replies = [
        call_route(stack, tenant, route, path={"id": identity}, query=query, headers=headers) for query in queries
    ]

    for reply in replies:
        assert reply.status < 500
        assert SECRET not in json.dumps(reply.body)
        assert other_tenant not in json.dumps(reply.body)
    if "{id}" in route.path:
        assert replies[0].status == 404
    if route.path.endswith("/models"):
        assert replies[0].status == 200
    assert everything(other_tenant) == before


@pytest.mark.slow
@each_body
def test_body_cannot_name_a_tenant(stack: LocalStack, tenant: str, route: Route) -> None:
    for name in OWNER_FIELDS:
        # An export may name a user of the same tenant.
        if (name, route.path.rpartition("/")[2]) == ("userId", "export"):
            continue
        reply = call_route(stack, tenant, route, body={**route.body, name: "other"})
        assert (reply.status, reply.body["code"]) == (422, "validation_failed"), name


@pytest.mark.slow
@each_body
def test_body_cannot_redirect_a_request(stack: LocalStack, tenant: str, route: Route) -> None:
    """Add each field to each object of the request's example, at any depth."""
    for name in ADDRESS_FIELDS:
        for body in with_field(route.body, name):
            reply = call_route(stack, tenant, route, body=body)
            assert reply.status == 422, (name, body)
    assert stack.providers.count() == 0


def with_field(value: object, name: str) -> Iterator[Any]:
    """Yield the value once per object in it, with one more field in that object."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        yield {**members, name: "https://elsewhere.example.com"}
        for member, inner in members.items():
            # The keys of a glossary are free words.
            if member == "glossary":
                continue
            for changed in with_field(inner, name):
                yield {**members, member: changed}
    elif isinstance(value, list):
        elements = cast("list[object]", value)
        for place, inner in enumerate(elements):
            for changed in with_field(inner, name):
                yield [*elements[:place], changed, *elements[place + 1 :]]
