"""Test GET preferences through the local API."""

from typing import Any

import pytest

from local.stack import LocalStack
from tests.integration.support.settings_requests import PREFERENCES, call

DEFAULTS: dict[str, Any] = {
    "cacheTtlDays": 7,
    "auditContent": "full",
    "mailLanguage": "pt-BR",
    "allowedProviders": None,
    "allowedModels": None,
    "prices": [],
}


def test_tenant_without_preferences_gets_the_defaults(stack: LocalStack, tenant: str) -> None:
    reply = call(stack, tenant, "GET", PREFERENCES)

    assert (reply.status, reply.body) == (200, DEFAULTS)


def test_preferences_of_another_tenant_are_not_returned(stack: LocalStack, tenant: str) -> None:
    call(stack, tenant, "PUT", PREFERENCES, {"cacheTtlDays": 0})

    assert call(stack, f"{tenant}-other", "GET", PREFERENCES).body == DEFAULTS


@pytest.mark.parametrize(("role", "status"), [("user", 200), ("admin", 200), ("owner", 403)])
def test_users_may_read_preferences(role: str, status: int, stack: LocalStack, tenant: str) -> None:
    assert call(stack, tenant, "GET", PREFERENCES, role=role).status == status
