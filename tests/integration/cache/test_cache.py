"""Test the response cache: exact counts of hits, no expired responses, and misses if it fails."""

import random

import pytest

from local.aws import Aws
from local.stack import LocalStack
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.table import read_together
from nexus_ai.cache.models import CachedResponse
from nexus_ai.cache.store import CacheStore
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import ProviderName
from nexus_ai.settings.models import Preferences
from tests.integration.support.faults import fault, throttled
from tests.integration.support.pipeline import at_once, copy, records, set_preferences, welcome

RESPONSE = CachedResponse(
    text="Olá",
    provider="openai",
    model="gpt-6-luna",
    answered_by="gpt-6-luna",
    input_tokens=30,
    output_tokens=12,
    cost_micros=7,
)


def test_fifty_concurrent_hits_are_counted_and_reach_no_provider(stack: LocalStack, tenant: str) -> None:
    first = copy(stack, tenant)

    replies = at_once(50, lambda _: copy(stack, tenant))

    assert all(reply.body["cached"] for reply in replies)
    assert stack.providers.count() == 1
    (key,) = {record.cache_key for record in records(tenant)}
    assert key is not None
    item = tables.cache().get(keys.cached_response(tenant, key), consistent=True)
    assert item is not None
    assert item["hits"] == 50
    assert item["savedTokens"] == 50 * first.body["usage"]["totalTokens"]
    assert item["savedCostMicros"] == 50 * round(first.body["usage"]["costUsd"] * 1_000_000)


def test_expired_response_is_not_returned_before_it_is_deleted(embedded_aws: Aws, tenant: str) -> None:
    store = CacheStore(tables.cache())
    for table, item in store.writes(tenant, "key", RESPONSE, expires_at=1000):
        table.put(item)

    (stored,) = read_together([store.read(tenant, "key")])
    assert stored is not None
    assert store.parse(stored, 999) == RESPONSE
    assert store.parse(stored, 1000) is None


def test_response_too_large_for_an_item_is_not_cached(embedded_aws: Aws, tenant: str) -> None:
    noise = random.Random(7).randbytes(500_000).hex()
    assert CacheStore(tables.cache()).writes(tenant, "key", RESPONSE.model_copy(update={"text": noise}), 1000) == []


@pytest.mark.parametrize(("days", "is_cached"), [(0, False), (1, True), (30, True)])
def test_tenant_chooses_for_how_many_days_responses_are_cached(
    stack: LocalStack, tenant: str, days: int, is_cached: bool
) -> None:
    welcome(stack, tenant)
    set_preferences(tenant, Preferences(cache_ttl_days=days))
    copy(stack, tenant)

    assert copy(stack, tenant).body["cached"] is is_cached
    if is_cached:
        record = records(tenant)[0]
        assert record.cache_key is not None
        item = tables.cache().get(keys.cached_response(tenant, record.cache_key), consistent=True)
        assert item is not None
        assert 0 <= item["expiresAt"] - (record.at_ms // 1000 + days * 86_400) < 120


def test_cache_that_cannot_be_read_is_a_miss(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant)
    with fault("BatchGetItem", get_settings().cache_table, throttled):
        reply = copy(stack, tenant)

    assert reply.status == 200
    assert reply.body["cached"] is False
    assert stack.providers.count(ProviderName.OPENAI) == 2


def test_damaged_entry_is_a_miss(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant)
    (record,) = records(tenant)
    assert record.cache_key
    key = keys.cached_response(tenant, record.cache_key)
    tables.cache().update(key, "SET body = :noise", {":noise": b"noise"})

    assert copy(stack, tenant).body["cached"] is False
