"""GET configs/{provider}/models through the local API: what the company's key can use, with context and prices."""

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
def test_the_models_of_the_saved_key_are_told_with_context_and_prices(
    provider: ProviderName, stack: LocalStack, tenant: str
) -> None:
    configure(stack, tenant, provider, model=PROVIDERS[provider].model)

    reply = models(stack, tenant, provider)

    assert reply.status == 200, reply.body
    (asked,) = stack.providers.calls
    assert (asked.operation, asked.key_sha256) == ("models", key_digest(KEY))
    names = [item["model"] for item in reply.body["items"]]
    assert names == sorted(set(names))
    priced = [item for item in reply.body["items"] if item["inputPerMillionUsd"] is not None]
    assert priced
    assert all(item["outputPerMillionUsd"] >= item["inputPerMillionUsd"] > 0 for item in priced)
    assert any((item["contextTokens"] or 0) > 100_000 for item in priced)
    assert {(item["ownPrice"], item["allowed"]) for item in reply.body["items"]} == {(False, True)}


def test_a_model_without_a_listed_price_has_the_companys_own(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(stack, tenant, "openai")
    own = {"provider": "openai", "model": "gpt-6-luna", "inputPerMillionUsd": 0.5, "outputPerMillionUsd": 3}
    listed = pricing.per_million

    def known(provider: ProviderName, model: str) -> tuple[Decimal, Decimal] | None:
        return None if "luna" in model else listed(provider, model)

    monkeypatch.setattr(pricing, "per_million", known)
    allowed = {"provider": "openai", "model": "gpt-6.1-terra"}
    preferences = {"prices": [{**own, "contextTokens": 9000}], "allowedModels": [allowed]}
    assert call(stack, tenant, "PUT", PREFERENCES, preferences).status == 200

    told = {item["model"]: item for item in models(stack, tenant).body["items"]}

    assert told["gpt-6-luna"] == {
        "model": "gpt-6-luna",
        "contextTokens": 9000,
        "inputPerMillionUsd": 0.5,
        "outputPerMillionUsd": 3.0,
        "ownPrice": True,
        "allowed": False,
    }
    assert (told["gpt-6.1-terra"]["ownPrice"], told["gpt-6.1-terra"]["allowed"]) == (False, True)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FailureKind.INVALID_KEY, "invalid_key"),
        (FailureKind.SERVER_ERROR, "unreachable"),
        (FailureKind.RESET, "unreachable"),
    ],
)
def test_a_vendor_that_does_not_tell_is_502_with_the_reason(
    kind: FailureKind, reason: str, stack: LocalStack, tenant: str
) -> None:
    configure(stack, tenant, "openai")
    stack.providers.always(ProviderName.OPENAI, Fail(kind))

    reply = models(stack, tenant)

    assert (reply.status, reply.body["code"], reply.body["reason"]) == (502, "provider_failed", reason)


def test_without_a_saved_key_nobody_is_asked_another_companys_least_of_all(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")

    reply = models(stack, f"{tenant}-other")

    assert (reply.status, reply.body["code"]) == (409, "provider_not_configured")
    assert stack.providers.count() == 0


def test_a_user_may_not_ask_for_models(stack: LocalStack, tenant: str) -> None:
    assert models(stack, tenant, role="user").status == 403


@pytest.mark.parametrize("provider", ["gpt", "..", "openai%2F..", "test"])
def test_a_provider_that_is_none_is_422(provider: str, stack: LocalStack, tenant: str) -> None:
    assert models(stack, tenant, provider).status in {404, 422}
