"""Test PUT preferences through the local API: it changes the named fields, and the pipeline follows them."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from local.stack import LocalStack
from nexus_ai.settings.models import ModelPrice, Preferences
from tests.integration.support.http_client import GENERATE_COPY, Reply
from tests.integration.support.pipeline import records, set_preferences
from tests.integration.support.settings_requests import (
    PREFERENCES,
    RATE_LIMITS,
    call,
    configure,
    refused_fields,
    stored,
)

PRICE = {"provider": "openai", "model": "gpt-9", "inputPerMillionUsd": 1.25, "outputPerMillionUsd": 10}
ALL: dict[str, Any] = {
    "cacheTtlDays": 30,
    "auditContent": "redacted",
    "mailLanguage": "en",
    "allowedProviders": ["openai", "groq"],
    "allowedModels": [{"provider": "openai", "model": "gpt-9"}],
    "prices": [PRICE | {"contextTokens": 400_000}],
}


def put(stack: LocalStack, tenant: str, body: object, role: str = "admin") -> Reply:
    return call(stack, tenant, "PUT", PREFERENCES, body, role=role)


def request_copy(stack: LocalStack, tenant: str, **fields: Any) -> Reply:
    return call(stack, tenant, "POST", GENERATE_COPY, {"prompt": "Convite", **fields}, role="user")


def test_put_preferences_returns_what_get_returns(stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, ALL)

    assert (reply.status, reply.body) == (200, ALL)
    assert call(stack, tenant, "GET", PREFERENCES, role="user").body == ALL


@pytest.mark.parametrize(
    "changes",
    [
        {"cacheTtlDays": 0},
        {"auditContent": "none"},
        {"mailLanguage": "pt-BR"},
        {"allowedProviders": None},
        {"allowedModels": None},
        {"prices": []},
        {},
    ],
)
def test_preferences_not_in_the_request_stay(changes: dict[str, Any], stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, ALL)

    assert put(stack, tenant, changes).body == ALL | changes


def test_concurrent_changes_of_different_preferences_all_count(stack: LocalStack, tenant: str) -> None:
    changes: list[dict[str, Any]] = [{name: value} for name, value in ALL.items()]

    with ThreadPoolExecutor(len(changes)) as threads:
        replies = list(threads.map(partial(put, stack, tenant), changes))

    assert [reply.status for reply in replies] == [200] * len(changes)
    assert put(stack, tenant, {}).body == ALL


def test_time_zone_of_the_limits_stays(stack: LocalStack, tenant: str) -> None:
    call(stack, tenant, "PUT", RATE_LIMITS, {"timeZone": "Asia/Tokyo"})

    put(stack, tenant, ALL)

    assert stored(tenant).preferences.time_zone == "Asia/Tokyo"


def test_unlisted_model_works_with_the_tenants_price(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai", model="gpt-9")
    assert request_copy(stack, tenant).body["code"] == "price_unknown"

    put(stack, tenant, {"prices": [PRICE]})

    reply = request_copy(stack, tenant)
    assert reply.status == 200, reply.body
    usage = reply.body["usage"]
    assert usage["costUsd"] == pytest.approx((usage["inputTokens"] * 1.25 + usage["outputTokens"] * 10) / 1e6, abs=1e-6)


@pytest.mark.parametrize(
    ("allowed", "fields"),
    [
        ({"allowedProviders": ["groq"]}, {"provider": "openai"}),
        ({"allowedModels": [{"provider": "openai", "model": "gpt-6.1-sol"}]}, {"provider": "openai"}),
        (
            {"allowedModels": [{"provider": "openai", "model": "gpt-6-luna"}]},
            {"provider": "openai", "model": "gpt-6.1-sol"},
        ),
        ({"allowedProviders": ["google"]}, {}),
    ],
)
def test_disallowed_model_reaches_no_provider(
    allowed: dict[str, Any], fields: dict[str, Any], stack: LocalStack, tenant: str
) -> None:
    configure(stack, tenant, "openai", "groq")
    put(stack, tenant, allowed)

    reply = request_copy(stack, tenant, **fields)

    assert (reply.status, reply.body["code"]) == (403, "model_not_allowed")
    assert stack.providers.count() == 0
    assert [record.error_code for record in records(tenant)] == ["model_not_allowed"]


def test_cached_completion_of_a_disallowed_model_is_not_served(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")
    assert request_copy(stack, tenant, provider="openai").status == 200

    put(stack, tenant, {"allowedProviders": ["groq"]})

    assert request_copy(stack, tenant, provider="openai").status == 403


def test_fallback_skips_disallowed_providers(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai", isDefault=True)
    configure(stack, tenant, "groq", model="openai/gpt-oss-20b")
    put(stack, tenant, {"allowedProviders": ["groq"]})

    reply = request_copy(stack, tenant)

    assert (reply.status, reply.body["provider"]) == (200, "groq")
    assert reply.body["fallback"]["used"] is False


def test_preferences_change_for_the_tokens_tenant_only(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, ALL)

    assert refused_fields(put(stack, f"{tenant}-other", {"tenantId": tenant, "cacheTtlDays": 0})) == ["tenantId"]
    put(stack, f"{tenant}-other", {"cacheTtlDays": 0})

    assert put(stack, tenant, {}).body == ALL


def test_user_may_not_change_preferences(stack: LocalStack, tenant: str) -> None:
    assert put(stack, tenant, ALL, role="user").status == 403
    assert stored(tenant).preferences.cache_ttl_days == 7


def test_saved_price_of_a_now_listed_model_may_stay(stack: LocalStack, tenant: str) -> None:
    price = ModelPrice(input_per_million=Decimal(0), output_per_million=Decimal(0))
    set_preferences(tenant, Preferences(prices={"openai/gpt-6-luna": price}))
    listed_price = {"provider": "openai", "model": "gpt-6-luna", "inputPerMillionUsd": 0, "outputPerMillionUsd": 0}

    assert put(stack, tenant, {"prices": [PRICE, listed_price]}).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cacheTtlDays": 31}, "cacheTtlDays"),
        ({"cacheTtlDays": -1}, "cacheTtlDays"),
        ({"cacheTtlDays": 1.5}, "cacheTtlDays"),
        ({"cacheTtlDays": "7"}, "cacheTtlDays"),
        ({"cacheTtlDays": None}, "cacheTtlDays"),
        ({"auditContent": "some"}, "auditContent"),
        ({"mailLanguage": "pt"}, "mailLanguage"),
        ({"allowedProviders": []}, "allowedProviders"),
        ({"allowedProviders": ["gpt"]}, "allowedProviders.0"),
        ({"allowedProviders": ["openai", "openai"]}, "allowedProviders"),
        ({"allowedModels": []}, "allowedModels"),
        ({"allowedModels": [{"provider": "openai"}]}, "allowedModels.0.model"),
        ({"prices": [PRICE, PRICE]}, "prices"),
        ({"prices": [PRICE | {"inputPerMillionUsd": -1}]}, "prices.0.inputPerMillionUsd"),
        ({"prices": [PRICE | {"inputPerMillionUsd": "1"}]}, "prices.0.inputPerMillionUsd"),
        ({"prices": [PRICE | {"inputPerMillionUsd": 1e-7}]}, "prices.0.inputPerMillionUsd"),
        ({"prices": [PRICE | {"contextTokens": 0}]}, "prices.0.contextTokens"),
        ({"prices": [PRICE | {"model": "a#b"}]}, "prices.0.model"),
        ({"prices": [PRICE, PRICE | {"model": "gpt-6-luna"}]}, "prices.1.model"),
        ({"prices": [PRICE | {"base_url": "http://10.0.0.1"}]}, "prices.0.base_url"),
        ({"prices": [PRICE | {"input_per_million_usd": 1}]}, "prices.0.input_per_million_usd"),
        ({"apiBase": "http://10.0.0.1"}, "apiBase"),
        ({"timeZone": "UTC"}, "timeZone"),
    ],
)
def test_invalid_preference_is_422_and_changes_nothing(
    body: dict[str, Any], field: str, stack: LocalStack, tenant: str
) -> None:
    assert refused_fields(put(stack, tenant, {"mailLanguage": "en"} | body)) == [field]
    assert stored(tenant).preferences.mail_language == "pt-BR"
