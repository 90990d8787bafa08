"""GET configs through the local API: a company's providers, and of their keys no more than people need."""

import json

import pytest

from local.stack import LocalStack
from tests.integration.support.settings_requests import CONFIGS, KEY, call, configure


def test_each_provider_is_told_with_a_mask_for_its_key(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "groq", "openai", isDefault=True)

    reply = call(stack, tenant, "GET", CONFIGS, role="user")

    assert reply.status == 200, reply.body
    openai, groq = reply.body["items"]
    assert (openai["provider"], groq["provider"]) == ("openai", "groq")
    assert (openai["isDefault"], groq["isDefault"]) == (True, False)
    assert (openai["apiKey"], openai["keyLastFour"], openai["lastTest"]) == ("••••2a76", "2a76", None)
    assert reply.body["nextCursor"] is None
    assert KEY not in json.dumps(reply.body)


def test_the_last_test_is_told(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")
    call(stack, tenant, "PUT", f"{CONFIGS}/openai", {"model": "gpt-6.1-terra"})

    (config,) = call(stack, tenant, "GET", CONFIGS).body["items"]

    test = config["lastTest"]
    assert (test["success"], test["code"], test["model"]) == (True, "ok", "gpt-6.1-terra")
    assert test["latencyMs"] >= 0
    assert test["at"].endswith("Z")


def test_another_companys_providers_are_not_told(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")

    assert call(stack, f"{tenant}-other", "GET", CONFIGS).body == {"items": [], "nextCursor": None}


@pytest.mark.parametrize(("role", "status"), [("user", 200), ("admin", 200), ("owner", 403)])
def test_users_may_see_configurations(role: str, status: int, stack: LocalStack, tenant: str) -> None:
    assert call(stack, tenant, "GET", CONFIGS, role=role).status == status


def test_equal_keys_of_two_companies_have_fingerprints_that_tell_nothing(stack: LocalStack, tenant: str) -> None:
    other = f"{tenant}-other"
    configure(stack, tenant, "openai", "groq")
    configure(stack, other, "openai")

    def fingerprints(of: str) -> set[str]:
        return {config["fingerprint"] for config in call(stack, of, "GET", CONFIGS).body["items"]}

    assert len(fingerprints(tenant)) == 1
    assert not fingerprints(tenant) & fingerprints(other)
