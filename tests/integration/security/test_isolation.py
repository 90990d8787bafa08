"""Every route of the API, asked by one company for what is another's: nothing is read, and nothing is changed."""

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
        """The example of a request, None where there is none."""
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
# What would send a company's key, or its prompts, to another place.
PLACES = ("base_url", "baseUrl", "apiBase", "api_base", "endpoint", "proxy", "url")
TENANTS = ("tenantId", "tenant_id", "tenant", "userId")
# Stands in everything that the other company has.
SECRET = "assunto-sigiloso"
# What their own administrator is told there is the vendor's, or nobody's.
BEARS_NO_SECRET = ("/models", "/health")


@pytest.fixture(scope="module")
def theirs(local_stack: LocalStack) -> str:
    """A company with settings, a call, its record and a job."""
    stack = local_stack
    other = f"theirs-{uuid4().hex[:16]}"
    welcome(stack, other)
    set_limits(other, requests=50)
    admin = stack.token(other, "bia", ["admin"])
    price = {"provider": "openai", "model": SECRET, "inputPerMillionUsd": 1, "outputPerMillionUsd": 2}
    settings: dict[str, dict[str, Any]] = {
        "rate-limits": {"alertEmails": [f"{SECRET}@example.com"], "alertThresholds": [50]},
        "configs/groq": {"apiKey": "gsk-of-theirs-alone", "model": SECRET, "validate": False},
        "fallback-config": {"modules": {SECRET: {"providers": [{"provider": "groq"}]}}},
        "preferences": {"prices": [price]},
    }
    for path, body in settings.items():
        assert ask(stack.url, "PUT", f"/api/marketing/ai/{path}", token=admin, body=body).status == 200
    assert copy(stack, other, {"prompt": f"{SECRET} da clínica", "module": SECRET}).status == 200
    # So that with their key there are no models to be listed.
    assert ask(stack.url, "DELETE", "/api/marketing/ai/configs/openai", token=admin).status == 200
    return other


def job_of(stack: LocalStack, tenant: str) -> str:
    admin = stack.token(tenant, "bia", ["admin"])
    asked = {"from": "2026-11-01T00:00:00Z", "userId": SECRET}
    reply = ask(stack.url, "POST", "/api/marketing/ai/audit-logs/export", token=admin, body=asked)
    identity: str = reply.body["id"]
    return identity


def everything(tenant: str) -> list[Any]:
    """All that the tables hold of a company, its jobs aside, which go on by themselves."""
    partitions = [
        (tables.settings(), tenant),
        (tables.rate_limits(), tenant),
        (tables.usage(), tenant),
        (tables.audit_logs(), tenant),
        (tables.audit_logs(), f"{tenant}#content"),
        *((tables.cache(), f"{tenant}#{record.cache_key}") for record in records(tenant)),
    ]
    found = [list(table.query("PK = :key", {":key": key}, consistent=True)) for table, key in partitions]
    assert all(found), "there is something of each kind to be seen or changed"
    return found


def asked_by(stack: LocalStack, tenant: str, route: Route, **given: Any) -> Reply:
    """The route's own example, by an administrator, with what is given in place of path, query, body or headers."""
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
def test_no_route_reads_or_changes_what_is_another_companys(
    stack: LocalStack, tenant: str, theirs: str, route: Route
) -> None:
    (record,) = records(theirs)
    identity = job_of(stack, theirs) if "/jobs/" in route.path else record.id
    before = everything(theirs)
    if route.method == "GET" and not route.path.endswith(BEARS_NO_SECRET):
        own = asked_by(stack, theirs, route, path={"id": identity})
        assert SECRET in json.dumps(own.body), "whoever is told this is told the secret"
    # Wherever a client could name somebody else.
    headers = {"X-Tenant-Id": theirs, "X-User-Id": "bia", "X-Amzn-Oidc-Identity": theirs}
    queries = [{}, {"userId": "bia"}, {"tenantId": theirs}]
    replies = [asked_by(stack, tenant, route, path={"id": identity}, query=query, headers=headers) for query in queries]

    for reply in replies:
        assert reply.status < 500
        assert SECRET not in json.dumps(reply.body)
        assert theirs not in json.dumps(reply.body)
    if "{id}" in route.path:
        assert replies[0].status == 404
    if route.path.endswith("/models"):
        assert replies[0].status == 200
    assert everything(theirs) == before


@pytest.mark.slow
@each_body
def test_a_body_can_name_no_company(stack: LocalStack, tenant: str, route: Route) -> None:
    for name in TENANTS:
        # An export can be of one person, of the own company.
        if (name, route.path.rpartition("/")[2]) == ("userId", "export"):
            continue
        reply = asked_by(stack, tenant, route, body={**route.body, name: "other"})
        assert (reply.status, reply.body["code"]) == (422, "validation_failed"), name


@pytest.mark.slow
@each_body
def test_a_body_can_send_nothing_to_another_place(stack: LocalStack, tenant: str, route: Route) -> None:
    """At any depth, in each object of the request's example."""
    for name in PLACES:
        for body in with_member(route.body, name):
            reply = asked_by(stack, tenant, route, body=body)
            assert reply.status == 422, (name, body)
    assert stack.providers.count() == 0


def with_member(value: object, name: str) -> Iterator[Any]:
    """The value, once for each object in it, which has one member more then."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        yield {**members, name: "https://elsewhere.example.com"}
        for member, inner in members.items():
            # The members of a glossary are a text's own words.
            if member == "glossary":
                continue
            for changed in with_member(inner, name):
                yield {**members, member: changed}
    elif isinstance(value, list):
        elements = cast("list[object]", value)
        for place, inner in enumerate(elements):
            for changed in with_member(inner, name):
                yield [*elements[:place], changed, *elements[place + 1 :]]
