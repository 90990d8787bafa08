"""Test PUT fallback-config through the local API: it changes the named modules, and calls follow the order."""

from typing import Any

import pytest

from local.providers.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.settings.fallback_api import MODULES_MAX
from tests.integration.support.http_client import GENERATE_COPY, Reply
from tests.integration.support.settings_requests import FALLBACK, call, refused_fields, stored

ORDER: dict[str, Any] = {
    "strategy": "ordered",
    "providers": [
        {"provider": "groq", "model": None, "weight": 1},
        {"provider": "google", "model": "gemini-3.8-flash", "weight": 3},
    ],
}


@pytest.fixture
def demo_tenant(stack: LocalStack, tenant: str) -> str:
    """Return a tenant with the demo's five providers."""
    stack.token(tenant)
    return tenant


def put(stack: LocalStack, tenant: str, modules: object, role: str = "admin") -> Reply:
    return call(stack, tenant, "PUT", FALLBACK, {"modules": modules}, role=role)


def test_put_fallback_returns_what_get_returns(stack: LocalStack, demo_tenant: str) -> None:
    reply = put(stack, demo_tenant, {"email": ORDER})

    assert (reply.status, reply.body["modules"]["email"]) == (200, ORDER)
    assert call(stack, demo_tenant, "GET", FALLBACK, role="user").body == reply.body


def test_unnamed_modules_stay_and_null_removes_an_order(stack: LocalStack, demo_tenant: str) -> None:
    put(stack, demo_tenant, {"email": ORDER, "sales": ORDER})

    assert sorted(put(stack, demo_tenant, {"email": None, "absent": None}).body["modules"]) == ["*", "sales"]


def test_call_follows_the_order_of_its_module(stack: LocalStack, demo_tenant: str) -> None:
    put(stack, demo_tenant, {"email": ORDER})
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))

    copy_request = {"provider": "openai", "prompt": "Convite", "module": "email"}
    reply = call(stack, demo_tenant, "POST", GENERATE_COPY, copy_request, role="user")

    assert [(attempt["provider"], attempt["outcome"]) for attempt in reply.body["fallback"]["attempts"]] == [
        ("openai", "failed"),
        ("groq", "answered"),
    ]


def test_orders_change_for_the_tokens_tenant_only(stack: LocalStack, demo_tenant: str) -> None:
    before = stored(demo_tenant).fallbacks
    other = f"{demo_tenant}-other"
    stack.token(other)

    put(stack, other, {"*": None, "email": ORDER})

    assert stored(demo_tenant).fallbacks == before
    body = {"modules": {"email": ORDER}, "tenantId": demo_tenant}
    assert refused_fields(call(stack, other, "PUT", FALLBACK, body)) == ["tenantId"]


def test_order_with_an_unconfigured_provider_changes_nothing(stack: LocalStack, tenant: str) -> None:
    assert refused_fields(put(stack, tenant, {"email": ORDER})) == ["modules.email.providers.0.provider"]
    assert stored(tenant).fallbacks == {}


def test_user_may_not_change_orders(stack: LocalStack, demo_tenant: str) -> None:
    assert put(stack, demo_tenant, {"email": ORDER}, role="user").status == 403
    assert "email" not in stored(demo_tenant).fallbacks


def test_number_of_modules_is_limited(stack: LocalStack, demo_tenant: str) -> None:
    order = {"providers": [{"provider": "groq"}]}
    assert put(stack, demo_tenant, {f"module-{number}": order for number in range(MODULES_MAX - 1)}).status == 200

    assert refused_fields(put(stack, demo_tenant, {"one-more": order})) == ["modules"]
    assert put(stack, demo_tenant, {"one-more": order, "module-0": None}).status == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strategy": "random"}, "modules.email.strategy"),
        ({"providers": []}, "modules.email.providers"),
        ({"providers": [{"provider": "gpt"}]}, "modules.email.providers.0.provider"),
        ({"providers": [{"provider": "groq", "weight": -1}]}, "modules.email.providers.0.weight"),
        ({"providers": [{"provider": "groq", "weight": 1001}]}, "modules.email.providers.0.weight"),
        ({"providers": [{"provider": "groq", "weight": True}]}, "modules.email.providers.0.weight"),
        ({"providers": [{"provider": "groq", "model": "a b"}]}, "modules.email.providers.0.model"),
        ({"providers": [{"provider": "groq", "baseUrl": "http://[::1]"}]}, "modules.email.providers.0.baseUrl"),
        ({"providers": [{"provider": "groq"}] * 2}, "modules.email"),
        ({"strategy": "weighted", "providers": [{"provider": "groq", "weight": 0}]}, "modules.email"),
        ({"apiBase": "http://10.0.0.1"}, "modules.email.apiBase"),
    ],
)
def test_invalid_order_field_is_422_and_named(
    changes: dict[str, Any], field: str, stack: LocalStack, demo_tenant: str
) -> None:
    assert refused_fields(put(stack, demo_tenant, {"email": ORDER | changes})) == [field]
    assert "email" not in stored(demo_tenant).fallbacks


@pytest.mark.parametrize("module", ["", "E-mail", "a#b", "../x", "x" * 41, "provider#openai"])
def test_invalid_module_name_is_422(module: str, stack: LocalStack, demo_tenant: str) -> None:
    before = stored(demo_tenant)

    assert put(stack, demo_tenant, {module: ORDER}).status == 422
    assert stored(demo_tenant) == before
