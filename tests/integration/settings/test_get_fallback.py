"""Test GET fallback-config through the local API."""

import pytest

from local.stack import LocalStack
from tests.integration.support.http_client import ask
from tests.integration.support.settings_requests import FALLBACK, call


def test_tenant_without_orders_gets_none(stack: LocalStack, tenant: str) -> None:
    reply = call(stack, tenant, "GET", FALLBACK)

    assert (reply.status, reply.body) == (200, {"modules": {}})


def test_order_has_strategy_models_and_weights(stack: LocalStack, tenant: str) -> None:
    reply = ask(stack.url, "GET", FALLBACK, token=stack.token(tenant))

    order = reply.body["modules"]["*"]
    assert order["strategy"] == "ordered"
    assert order["providers"][0] == {"provider": "openai", "model": None, "weight": 1}
    assert len(order["providers"]) == 5


def test_orders_of_another_tenant_are_not_returned(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)

    assert call(stack, f"{tenant}-other", "GET", FALLBACK).body == {"modules": {}}


@pytest.mark.parametrize(("role", "status"), [("user", 200), ("admin", 200), ("owner", 403)])
def test_users_may_read_orders(role: str, status: int, stack: LocalStack, tenant: str) -> None:
    assert call(stack, tenant, "GET", FALLBACK, role=role).status == status
