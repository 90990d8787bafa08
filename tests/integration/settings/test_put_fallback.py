"""PUT fallback-config through the local API: changes the modules that it names, and calls follow the order."""

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
def company(stack: LocalStack, tenant: str) -> str:
    """A company with the demo's five providers."""
    stack.token(tenant)
    return tenant


def put(stack: LocalStack, tenant: str, modules: object, role: str = "admin") -> Reply:
    return call(stack, tenant, "PUT", FALLBACK, {"modules": modules}, role=role)


def test_the_answer_is_what_a_get_tells(stack: LocalStack, company: str) -> None:
    reply = put(stack, company, {"email": ORDER})

    assert (reply.status, reply.body["modules"]["email"]) == (200, ORDER)
    assert call(stack, company, "GET", FALLBACK, role="user").body == reply.body


def test_modules_that_are_not_named_stay_and_null_takes_an_order_away(stack: LocalStack, company: str) -> None:
    put(stack, company, {"email": ORDER, "sales": ORDER})

    assert sorted(put(stack, company, {"email": None, "nobody": None}).body["modules"]) == ["*", "sales"]


def test_a_call_follows_the_order_of_its_module(stack: LocalStack, company: str) -> None:
    put(stack, company, {"email": ORDER})
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))

    wish = {"provider": "openai", "prompt": "Convite", "module": "email"}
    reply = call(stack, company, "POST", GENERATE_COPY, wish, role="user")

    assert [(attempt["provider"], attempt["outcome"]) for attempt in reply.body["fallback"]["attempts"]] == [
        ("openai", "failed"),
        ("groq", "answered"),
    ]


def test_orders_are_changed_for_the_tokens_tenant_alone(stack: LocalStack, company: str) -> None:
    before = stored(company).fallbacks
    other = f"{company}-other"
    stack.token(other)

    put(stack, other, {"*": None, "email": ORDER})

    assert stored(company).fallbacks == before
    body = {"modules": {"email": ORDER}, "tenantId": company}
    assert refused_fields(call(stack, other, "PUT", FALLBACK, body)) == ["tenantId"]


def test_a_provider_without_a_configuration_is_refused_and_nothing_changes(stack: LocalStack, tenant: str) -> None:
    assert refused_fields(put(stack, tenant, {"email": ORDER})) == ["modules.email.providers.0.provider"]
    assert stored(tenant).fallbacks == {}


def test_a_user_may_not_change_orders(stack: LocalStack, company: str) -> None:
    assert put(stack, company, {"email": ORDER}, role="user").status == 403
    assert "email" not in stored(company).fallbacks


def test_there_are_so_many_modules_and_no_more(stack: LocalStack, company: str) -> None:
    one = {"providers": [{"provider": "groq"}]}
    assert put(stack, company, {f"module-{number}": one for number in range(MODULES_MAX - 1)}).status == 200

    assert refused_fields(put(stack, company, {"one-more": one})) == ["modules"]
    assert put(stack, company, {"one-more": one, "module-0": None}).status == 200


@pytest.mark.parametrize(
    ("changed", "field"),
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
def test_a_field_that_does_not_fit_is_422_and_named(
    changed: dict[str, Any], field: str, stack: LocalStack, company: str
) -> None:
    assert refused_fields(put(stack, company, {"email": ORDER | changed})) == [field]
    assert "email" not in stored(company).fallbacks


@pytest.mark.parametrize("module", ["", "E-mail", "a#b", "../x", "x" * 41, "provider#openai"])
def test_a_module_that_is_none_is_422(module: str, stack: LocalStack, company: str) -> None:
    before = stored(company)

    assert put(stack, company, {module: ORDER}).status == 422
    assert stored(company) == before
