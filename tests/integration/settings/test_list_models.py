"""Test GET configs/{provider}/models through the local API: models of the tenant's key, with context and prices."""

from decimal import Decimal

import pytest

from local.dev.demo import PROVIDERS
from local.providers.behaviours import Fail
from local.providers.scenario import key_digest
from local.stack import LocalStack
from nexus_ai.providers import pricing
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.http_client import Reply
from tests.integration.support.settings_requests import CONFIGS, KEY, PREFERENCES, call, configure


def models(stack: LocalStack, tenant: str, provider: str = "openai", role: str = "admin") -> Reply:
    return call(stack, tenant, "GET", f"{CONFIGS}/{provider}/models", role=role)


@pytest.mark.parametrize("provider", list(ProviderName))
def test_models_of_the_saved_key_have_context_and_prices(
    provider: ProviderName, stack: LocalStack, tenant: str
) -> None:
    configure(stack, tenant, provider, model=PROVIDERS[provider].model)

    reply = models(stack, tenant, provider)

    assert reply.status == 200, reply.body
    (provider_call,) = stack.providers.calls
    assert (provider_call.operation, provider_call.key_sha256) == ("models", key_digest(KEY))
    names = [item["model"] for item in reply.body["items"]]
    assert names == sorted(set(names))
    priced = [item for item in reply.body["items"] if item["inputPerMillionUsd"] is not None]
    assert priced
    assert all(item["outputPerMillionUsd"] >= item["inputPerMillionUsd"] > 0 for item in priced)
    assert any((item["contextTokens"] or 0) > 100_000 for item in priced)
    assert {(item["ownPrice"], item["allowed"]) for item in reply.body["items"]} == {(False, True)}


def test_unlisted_model_has_the_tenants_price(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(stack, tenant, "openai")
    own_price = {"provider": "openai", "model": "gpt-6-luna", "inputPerMillionUsd": 0.5, "outputPerMillionUsd": 3}
    list_price = pricing.per_million

    def price_without_luna(provider: ProviderName, model: str) -> tuple[Decimal, Decimal] | None:
        return None if "luna" in model else list_price(provider, model)

    monkeypatch.setattr(pricing, "per_million", price_without_luna)
    allowed = {"provider": "openai", "model": "gpt-6.1-terra"}
    preferences = {"prices": [{**own_price, "contextTokens": 9000}], "allowedModels": [allowed]}
    assert call(stack, tenant, "PUT", PREFERENCES, preferences).status == 200

    items = {item["model"]: item for item in models(stack, tenant).body["items"]}

    assert items["gpt-6-luna"] == {
        "model": "gpt-6-luna",
        "contextTokens": 9000,
        "inputPerMillionUsd": 0.5,
        "outputPerMillionUsd": 3.0,
        "ownPrice": True,
        "allowed": False,
    }
    assert (items["gpt-6.1-terra"]["ownPrice"], items["gpt-6.1-terra"]["allowed"]) == (False, True)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FailureKind.INVALID_KEY, "invalid_key"),
        (FailureKind.SERVER_ERROR, "unreachable"),
        (FailureKind.RESET, "unreachable"),
    ],
)
def test_failing_model_list_is_502_with_the_reason(
    kind: FailureKind, reason: str, stack: LocalStack, tenant: str
) -> None:
    configure(stack, tenant, "openai")
    stack.providers.always(ProviderName.OPENAI, Fail(kind))

    reply = models(stack, tenant)

    assert (reply.status, reply.body["code"], reply.body["reason"]) == (502, "provider_failed", reason)


def test_model_list_without_a_saved_key_calls_no_provider(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")

    reply = models(stack, f"{tenant}-other")

    assert (reply.status, reply.body["code"]) == (409, "provider_not_configured")
    assert stack.providers.count() == 0


def test_user_may_not_list_models(stack: LocalStack, tenant: str) -> None:
    assert models(stack, tenant, role="user").status == 403


@pytest.mark.parametrize("provider", ["gpt", "..", "openai%2F..", "test"])
def test_models_of_an_invalid_provider_name_are_422_or_404(provider: str, stack: LocalStack, tenant: str) -> None:
    assert models(stack, tenant, provider).status in {404, 422}
