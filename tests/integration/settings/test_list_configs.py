"""Test GET configs through the local API: a tenant's provider configs, with masked keys."""

import json

import pytest

from local.stack import LocalStack
from tests.integration.support.settings_requests import CONFIGS, KEY, call, configure


def test_each_provider_config_has_a_masked_key(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "groq", "openai", isDefault=True)

    reply = call(stack, tenant, "GET", CONFIGS, role="user")

    assert reply.status == 200, reply.body
    openai, groq = reply.body["items"]
    assert (openai["provider"], groq["provider"]) == ("openai", "groq")
    assert (openai["isDefault"], groq["isDefault"]) == (True, False)
    assert (openai["apiKey"], openai["keyLastFour"], openai["lastTest"]) == ("••••2a76", "2a76", None)
    assert reply.body["nextCursor"] is None
    assert KEY not in json.dumps(reply.body)


def test_last_connection_test_is_returned(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")
    call(stack, tenant, "PUT", f"{CONFIGS}/openai", {"model": "gpt-6.1-terra"})

    (config,) = call(stack, tenant, "GET", CONFIGS).body["items"]

    test = config["lastTest"]
    assert (test["success"], test["code"], test["model"]) == (True, "ok", "gpt-6.1-terra")
    assert test["latencyMs"] >= 0
    assert test["at"].endswith("Z")


def test_provider_configs_of_another_tenant_are_not_returned(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")

    assert call(stack, f"{tenant}-other", "GET", CONFIGS).body == {"items": [], "nextCursor": None}


@pytest.mark.parametrize(("role", "status"), [("user", 200), ("admin", 200), ("owner", 403)])
def test_users_may_read_provider_configs(role: str, status: int, stack: LocalStack, tenant: str) -> None:
    assert call(stack, tenant, "GET", CONFIGS, role=role).status == status


def test_equal_keys_of_two_tenants_have_different_fingerprints(stack: LocalStack, tenant: str) -> None:
    other = f"{tenant}-other"
    configure(stack, tenant, "openai", "groq")
    configure(stack, other, "openai")

    def fingerprints(owner: str) -> set[str]:
        return {config["fingerprint"] for config in call(stack, owner, "GET", CONFIGS).body["items"]}

    assert len(fingerprints(tenant)) == 1
    assert not fingerprints(tenant) & fingerprints(other)
