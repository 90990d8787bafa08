"""Test that a request sent twice with one Idempotency-Key is executed once."""

import zlib

import pytest
from cryptography.exceptions import InvalidTag

from local.providers.behaviours import Answer, Fail
from local.stack import LocalStack
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.cache.idempotency import IdempotencyRecord, IdempotencyStore, key_hash
from nexus_ai.gateway.composition import gateway
from nexus_ai.gateway.idempotency import fingerprint
from nexus_ai.gateway.models import GatewayResponse
from nexus_ai.limits.models import Limit
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.clock import Deadline, SystemClock, uuid7
from nexus_ai.platform.errors import IdempotencyInFlight
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.settings.models import AuditContent, Preferences
from nexus_ai.tasks.copywriting.models import Copy, CopyRequest
from nexus_ai.tasks.copywriting.service import model_call
from tests.integration.support.limit_calls import caller_of
from tests.integration.support.pipeline import (
    at_once,
    copy,
    limit_state,
    records,
    set_fallback,
    set_limits,
    set_preferences,
    welcome,
)


def test_twenty_concurrent_replays_are_one_call_and_one_charge(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Answer(data={"variation1": {"text": "Olá"}}, delay_s=0.5))

    replies = at_once(20, lambda _: copy(stack, tenant, Idempotency_Key="order-7"))

    assert {reply.status for reply in replies} == {200}
    assert all(reply.body == replies[0].body for reply in replies)
    assert stack.providers.count() == 1
    assert limit_state(tenant).used(Limit.REQUESTS_PER_HOUR) == 1
    assert replies[0].body["requestId"] in {record.id for record in records(tenant) if record.attempts}
    assert len(records(tenant)) == 20


def test_replay_works_if_nothing_is_cached(stack: LocalStack, tenant: str) -> None:
    first = copy(stack, tenant, Idempotency_Key="a", Cache_Control="no-store")
    again = copy(stack, tenant, Idempotency_Key="a", Cache_Control="no-store")

    assert again.body == first.body
    assert stack.providers.count() == 1


def test_same_key_with_another_body_is_rejected(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant, Idempotency_Key="a")
    reply = copy(stack, tenant, {"prompt": "Outra coisa"}, Idempotency_Key="a")

    assert (reply.status, reply.body["code"]) == (422, "idempotency_mismatch")
    assert stack.providers.count() == 1


def test_same_key_with_another_max_tokens_is_rejected(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant, Idempotency_Key="a")
    reply = copy(stack, tenant, {"maxTokens": 64}, Idempotency_Key="a")

    assert (reply.status, reply.body["code"]) == (422, "idempotency_mismatch")


def test_replay_works_if_nothing_is_configured_any_more(stack: LocalStack, tenant: str) -> None:
    first = copy(stack, tenant, Idempotency_Key="a")
    for provider in ProviderName:
        tables.settings().delete(keys.provider_config(tenant, provider))
    set_preferences(tenant, Preferences())

    assert copy(stack, tenant, {"prompt": "Outra coisa"}).status == 409
    assert copy(stack, tenant, Idempotency_Key="a").body == first.body
    assert copy(stack, tenant, Idempotency_Key="a").body == first.body


def test_replay_of_a_failure_is_recorded(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.BAD_REQUEST))
    copy(stack, tenant, Idempotency_Key="a")
    copy(stack, tenant, Idempotency_Key="a")

    assert [record.error_code for record in records(tenant)] == ["request_rejected", "request_rejected"]


def test_equal_keys_of_two_tenants_are_independent(stack: LocalStack, tenant: str) -> None:
    first = copy(stack, tenant, Idempotency_Key="a")
    other = copy(stack, f"{tenant}-other", Idempotency_Key="a")

    assert other.body["requestId"] != first.body["requestId"]
    assert stack.providers.count() == 2


def test_failure_that_may_be_retried_is_not_stored(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_fallback(tenant, "openai")
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))

    assert copy(stack, tenant, Idempotency_Key="a").status == 502
    assert copy(stack, tenant, Idempotency_Key="a").status == 200


def test_failure_caused_by_the_request_is_replayed(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.BAD_REQUEST))

    first = copy(stack, tenant, Idempotency_Key="a")
    again = copy(stack, tenant, Idempotency_Key="a")

    assert first.status == 422
    assert again.body == first.body
    assert stack.providers.count() == 1


def test_key_of_a_killed_request_is_free_after_its_deadline(stack: LocalStack, tenant: str) -> None:
    store = IdempotencyStore(tables.cache())
    killed = IdempotencyRecord(fingerprint="f", request_id="killed", claimed_until_ms=1_000)
    replay_record = IdempotencyRecord(fingerprint="f", request_id="replay_record", claimed_until_ms=50_000)
    assert store.claim(tenant, "a", killed, now_ms=500) is None

    assert store.claim(tenant, "a", replay_record, now_ms=1_000) == killed
    assert store.claim(tenant, "a", replay_record, now_ms=1_001) is None


def test_key_expires_after_a_day(stack: LocalStack, tenant: str) -> None:
    store = IdempotencyStore(tables.cache())
    ended = IdempotencyRecord(fingerprint="f", request_id="first", claimed_until_ms=1, end={"text": "Olá"})
    replay_record = IdempotencyRecord(fingerprint="f", request_id="replay_record", claimed_until_ms=50_000)
    for table, item in store.writes(tenant, "a", ended, now_ms=0):
        table.put(item)

    day_ms = 24 * 3600 * 1000
    assert store.claim(tenant, "a", replay_record, now_ms=day_ms - 1) == ended
    assert store.claim(tenant, "a", replay_record, now_ms=day_ms) is None


def test_repeated_claim_of_the_same_request_succeeds(stack: LocalStack, tenant: str) -> None:
    store = IdempotencyStore(tables.cache())
    replay_record = IdempotencyRecord(fingerprint="f", request_id="replay_record", claimed_until_ms=50_000)

    assert store.claim(tenant, "a", replay_record, now_ms=0) is None
    assert store.claim(tenant, "a", replay_record, now_ms=0) is None


def test_stored_response_is_readable_only_with_the_clients_key(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_preferences(tenant, Preferences(audit_content=AuditContent.NONE))
    stack.providers.script(ProviderName.OPENAI, Answer(data={"variation1": {"text": "Maria, sua consulta"}}))

    first = copy(stack, tenant, Idempotency_Key="order-7")

    assert copy(stack, tenant, Idempotency_Key="order-7").body == first.body
    item = tables.cache().get(keys.idempotency(tenant, key_hash("order-7")))
    assert item
    assert {record.idempotency_hash for record in records(tenant)} == {key_hash("order-7")}
    assert "order-7" not in str(item)
    with pytest.raises(zlib.error):
        zlib.decompress(item["body"])
    other = {**item, **keys.idempotency(tenant, key_hash("order-8"))}
    tables.cache().put(other)
    with pytest.raises(InvalidTag):
        IdempotencyStore(tables.cache()).load(tenant, "order-8")


def test_rejection_that_an_admin_can_lift_is_not_stored(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_limits(tenant, cost_micros=1_000_000)
    body = {"model": "gpt-of-tomorrow"}

    assert copy(stack, tenant, body, Idempotency_Key="a").status == 402
    set_limits(tenant)
    assert copy(stack, tenant, body, Idempotency_Key="a").status == 200


def test_mismatch_keeps_the_first_response(stack: LocalStack, tenant: str) -> None:
    first = copy(stack, tenant, Idempotency_Key="a")
    copy(stack, tenant, {"prompt": "Outra coisa"}, Idempotency_Key="a")

    assert copy(stack, tenant, Idempotency_Key="a").body == first.body


def test_replay_waits_until_its_deadline_and_is_asked_to_retry(stack: LocalStack, tenant: str) -> None:
    claim(tenant, "first", until_ms=SystemClock().now_ms() + 60_000)

    with pytest.raises(IdempotencyInFlight) as rejected:
        replay(tenant, seconds=2.3)

    assert rejected.value.status == 409
    assert rejected.value.retry_after
    assert stack.providers.count() == 0


def test_replay_takes_over_the_key_of_a_killed_request(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    claim(tenant, "killed", until_ms=SystemClock().now_ms() + 300)

    assert replay(tenant, seconds=20).provider == "openai"
    assert stack.providers.count() == 1


def test_replay_is_recorded_with_the_provider_that_completed(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.UNAVAILABLE))
    copy(stack, tenant, Idempotency_Key="a")
    copy(stack, tenant, Idempotency_Key="a")

    assert {record.provider for record in records(tenant)} == {"anthropic"}


def copy_call() -> ModelCall[Copy]:
    return model_call(CopyRequest(provider=ProviderName.OPENAI, prompt="Limpeza de pele"))


def claim(tenant: str, request_id: str, until_ms: int) -> None:
    """Claim the key as a request that is still running."""
    record = IdempotencyRecord(fingerprint=fingerprint(copy_call()), request_id=request_id, claimed_until_ms=until_ms)
    IdempotencyStore(tables.cache()).claim(tenant, "a", record, SystemClock().now_ms())


def replay(tenant: str, seconds: float) -> GatewayResponse[Copy]:
    now_ms = SystemClock().now_ms()
    deadline = Deadline(now_ms + int(seconds * 1000))
    caller = caller_of(tenant, now_ms).model_copy(
        update={"request_id": uuid7(now_ms), "deadline": deadline, "idempotency_key": "a"}
    )
    return gateway().run(caller, copy_call())
