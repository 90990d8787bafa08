"""Test DELETE configs through the local API: key, model and default are removed, and fallback works without them."""

import pytest

from local.stack import LocalStack
from nexus_ai.aws.dynamodb import tables
from nexus_ai.aws.dynamodb.keys import provider_config
from tests.integration.support.http_client import GENERATE_COPY, Reply
from tests.integration.support.settings_requests import CONFIGS, FALLBACK, call, configure, stored

ORDER = {"modules": {"*": {"providers": [{"provider": "openai"}, {"provider": "groq"}]}}}


def delete(stack: LocalStack, tenant: str, provider: str = "openai", role: str = "admin") -> Reply:
    return call(stack, tenant, "DELETE", f"{CONFIGS}/{provider}", role=role)


def test_removed_provider_config_has_no_key_left(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai", "groq")

    reply = delete(stack, tenant)

    assert (reply.status, reply.body) == (200, {"provider": "openai", "deleted": True})
    assert list(stored(tenant).providers) == ["groq"]
    assert tables.settings().get(provider_config(tenant, "openai"), consistent=True) is None


def test_unknown_provider_config_is_404(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")
    delete(stack, tenant)

    reply = delete(stack, tenant)

    assert (reply.status, reply.body["code"]) == (404, "not_found")


def test_removed_default_does_not_come_back(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai", "groq", isDefault=True)
    configure(stack, tenant, "openai", isDefault=True)

    delete(stack, tenant)
    configure(stack, tenant, "openai")

    assert not [name for name, config in stored(tenant).providers.items() if config.is_default]


def test_default_of_another_provider_stays(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai", "groq", isDefault=True)

    delete(stack, tenant)

    assert stored(tenant).providers["groq"].is_default is True


def test_fallback_works_without_a_removed_provider(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai", "groq", model="openai/gpt-oss-20b")
    assert call(stack, tenant, "PUT", FALLBACK, ORDER).status == 200

    delete(stack, tenant)

    (step,) = call(stack, tenant, "GET", FALLBACK).body["modules"]["*"]["providers"]
    assert step["provider"] == "groq"
    reply = call(stack, tenant, "POST", GENERATE_COPY, {"prompt": "Olá"}, role="user")
    assert (reply.status, reply.body["provider"]) == (200, "groq")


def test_order_of_removed_providers_is_absent(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai", "groq", "google", model="gemini-3.5-flash-lite")
    call(
        stack,
        tenant,
        "PUT",
        FALLBACK,
        {"modules": {"email": {"providers": [{"provider": "openai"}]}, **ORDER["modules"]}},
    )

    delete(stack, tenant)
    delete(stack, tenant, "groq")

    assert call(stack, tenant, "GET", FALLBACK).body == {"modules": {}}
    assert [step.provider for step in stored(tenant).fallback("email").steps] == ["google"]


def test_provider_config_of_another_tenant_stays(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")

    assert delete(stack, f"{tenant}-other").status == 404
    assert "openai" in stored(tenant).providers


def test_user_may_not_remove_a_provider_config(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")

    assert delete(stack, tenant, role="user").status == 403
    assert "openai" in stored(tenant).providers


@pytest.mark.parametrize("provider", ["gpt", "OpenAI", "openai%23x", "*", "%E2%80%AE"])
def test_delete_of_an_invalid_provider_name_is_422(provider: str, stack: LocalStack, tenant: str) -> None:
    assert delete(stack, tenant, provider).status == 422
