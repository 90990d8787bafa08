"""Test GET health: it needs no token and makes no call to AWS."""

from typing import Any

import pytest

from local.stack import LocalStack
from nexus_ai import __version__, health
from tests.integration.security.test_permissions import granted, recorded
from tests.integration.support.http_client import ask


@pytest.mark.parametrize("query", ["", "?deep=0", "?deep=1"])
@pytest.mark.parametrize("role", [None, "user", "admin"])
def test_health_is_shallow_for_every_role_and_calls_no_aws(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch, query: str, role: str | None
) -> None:
    token = role and stack.stranger_token(tenant, roles=[role])
    monkeypatch.setattr(health, "CHECKS", dict.fromkeys(health.CHECKS, pytest.fail))
    with recorded(tenant) as calls:
        reply = ask(stack.url, "GET", f"/api/health{query}", token=token)

    assert calls == set()
    assert reply.status == 200
    assert reply.body == {"status": "ok", "version": __version__, "stage": "local", "checks": None}
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Request-Id"]


def test_health_function_has_no_permissions() -> None:
    assert granted("HealthFunction") == set()


@pytest.mark.parametrize("query", ["?deep=2", "?deep=", "?deep=1&deep=1", "?tenantId=demo"])
def test_other_query_is_422(query: str, stack: LocalStack) -> None:
    reply = ask(stack.url, "GET", f"/api/health{query}")
    assert reply.status == 422


def test_report_has_the_fields_of_the_route(stack: LocalStack) -> None:
    shallow: dict[str, Any] = ask(stack.url, "GET", "/api/health").body
    assert shallow.keys() == set(health.check_all().model_dump(by_alias=True))
