"""Test PUT configs through the local API: a key is saved, used for the provider's calls, and never returned."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from local.providers.behaviours import Fail
from local.providers.scenario import key_digest
from local.stack import LocalStack
from nexus_ai.aws.dynamodb import tables
from nexus_ai.aws.dynamodb.keys import provider_config
from nexus_ai.gateway.composition import compose
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.errors import KeyUnreadable
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.settings.key_ring import KeyRing
from nexus_ai.settings.models import ProviderConfig
from nexus_ai.settings.store import SettingsStore
from tests.integration.support.http_client import GENERATE_COPY, Reply, ask
from tests.integration.support.limit_calls import MovedClock, caller_of
from tests.integration.support.settings_requests import refused_fields

KEY = "sk-canary-5d41402abc4b2a76"
CONFIG = {"apiKey": KEY, "model": "gpt-6-luna"}


def put(stack: LocalStack, tenant: str, body: object, *, provider: str = "openai", role: str = "admin") -> Reply:
    token = stack.stranger_token(tenant, roles=[role])
    return ask(stack.url, "PUT", f"/api/marketing/ai/configs/{provider}", token=token, body=body)


def stored(tenant: str) -> dict[str, ProviderConfig]:
    return dict(SettingsStore(tables.settings()).load(tenant).providers)


def test_response_has_the_config_and_the_last_four_of_the_key(stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, CONFIG)

    assert reply.status == 200, reply.body
    fingerprint = reply.body.pop("fingerprint")
    assert datetime.fromisoformat(reply.body.pop("updatedAt")) <= datetime.now(UTC)
    test = reply.body.pop("lastTest")
    assert (test["success"], test["code"], test["model"]) == (True, "ok", "gpt-6-luna")
    assert reply.body == {
        "provider": "openai",
        "model": "gpt-6-luna",
        "enabled": True,
        "isDefault": False,
        "apiKey": "••••2a76",
        "keyLastFour": "2a76",
    }
    assert len(fingerprint) == 16
    assert fingerprint == put(stack, tenant, CONFIG | {"model": "gpt-6.1-sol"}).body["fingerprint"]
    assert fingerprint != put(stack, tenant, CONFIG | {"apiKey": f"{KEY}x"}).body["fingerprint"]


def test_key_is_sent_to_its_provider(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG)

    token = stack.stranger_token(tenant, roles=["user"])
    reply = ask(stack.url, "POST", GENERATE_COPY, token=token, body={"provider": "openai", "prompt": "Olá"})

    assert reply.status == 200, reply.body
    test_call, copy_call = stack.providers.calls
    assert test_call.key_sha256 == copy_call.key_sha256 == key_digest(KEY)


def test_key_is_in_no_response_no_log_and_no_table(
    stack: LocalStack, tenant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = [
        put(stack, tenant, CONFIG),
        put(stack, tenant, CONFIG | {"model": KEY + " "}),
        put(stack, tenant, CONFIG | {"enabled": KEY}),
        put(stack, tenant, CONFIG | {KEY: 1}, provider=KEY),
        put(stack, tenant, {"apiKey": KEY + "\n", "model": "gpt-6-luna"}),
    ]

    assert [reply.status for reply in replies] == [200, 422, 422, 422, 422]
    assert not [reply.body for reply in replies if KEY in json.dumps(reply.body)]
    assert KEY not in capsys.readouterr().out
    item = tables.settings().get(provider_config(tenant, "openai"), consistent=True)
    assert item is not None
    assert KEY not in repr(item)


def test_fields_not_in_the_request_stay(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG | {"enabled": False, "isDefault": True})

    reply = put(stack, tenant, {"apiKey": "sk-another-key-9999", "model": "gpt-6.1-sol"})

    assert (reply.body["enabled"], reply.body["isDefault"]) == (False, True)
    assert (reply.body["model"], reply.body["keyLastFour"]) == ("gpt-6.1-sol", "9999")
    assert put(stack, tenant, CONFIG | {"enabled": True}).body["enabled"] is True


def test_last_chosen_default_is_the_only_one(stack: LocalStack, tenant: str) -> None:
    for provider in ("openai", "groq", "anthropic"):
        put(stack, tenant, CONFIG | {"isDefault": True}, provider=provider)

    assert [name for name, config in stored(tenant).items() if config.is_default] == ["anthropic"]


def test_config_belongs_to_the_tokens_tenant(stack: LocalStack, tenant: str) -> None:
    other = f"{tenant}-other"
    put(stack, tenant, CONFIG | {"isDefault": True})
    put(stack, other, CONFIG | {"model": "gpt-6.1-sol", "isDefault": True})

    assert stored(tenant)["openai"].model == "gpt-6-luna"
    assert stored(tenant)["openai"].is_default is True
    assert put(stack, other, CONFIG | {"tenantId": tenant}).status == 422


def test_user_may_not_save_keys(stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, CONFIG, role="user")

    assert (reply.status, reply.body["code"]) == (403, "forbidden")
    assert stored(tenant) == {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"apiKey": None}, "apiKey"),
        ({"apiKey": "short"}, "apiKey"),
        ({"apiKey": "k" * 513}, "apiKey"),
        ({"apiKey": "sk-chave-ação-x"}, "apiKey"),
        ({"apiKey": "sk-two words"}, "apiKey"),
        ({"apiKey": 12345678}, "apiKey"),
        ({"model": ""}, "model"),
        ({"model": "../../admin"}, "model"),
        ({"enabled": "true"}, "enabled"),
        ({"isDefault": None}, "isDefault"),
        ({"is_default": True}, "is_default"),
        ({"baseUrl": "http://169.254.169.254"}, "baseUrl"),
        ({"base_url": "http://169.254.169.254"}, "base_url"),
        ({"apiBase": "http://169.254.169.254"}, "apiBase"),
        ({"options": {"baseUrl": "http://169.254.169.254"}}, "options"),
        ({"validate": "false"}, "validate"),
        ({"validate_first": False}, "validate_first"),
    ],
)
def test_invalid_config_field_is_422_and_named(
    changes: dict[str, Any], field: str, stack: LocalStack, tenant: str
) -> None:
    reply = put(stack, tenant, CONFIG | changes)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == [field]
    assert stored(tenant) == {}


@pytest.mark.parametrize("provider", ["gpt", "OpenAI", "openai%23x", "*"])
def test_invalid_provider_name_is_422_and_named(provider: str, stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, CONFIG, provider=provider)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == ["provider"]


@pytest.mark.parametrize(
    ("kind", "reason", "field"),
    [
        (FailureKind.INVALID_KEY, "invalid_key", "apiKey"),
        (FailureKind.NO_CREDIT, "no_credit", "apiKey"),
        (FailureKind.NO_PERMISSION, "no_permission", "apiKey"),
        (FailureKind.MODEL_NOT_FOUND, "model_not_found", "model"),
        (FailureKind.RATE_LIMITED, "rate_limited", "apiKey"),
        (FailureKind.RESET, "unreachable", "apiKey"),
    ],
)
def test_failing_key_or_model_is_422_and_nothing_is_saved(
    kind: FailureKind, reason: str, field: str, stack: LocalStack, tenant: str
) -> None:
    put(stack, tenant, CONFIG | {"isDefault": True})
    before = stored(tenant)
    stack.providers.always(ProviderName.OPENAI, Fail(kind))

    reply = put(stack, tenant, {"apiKey": "sk-another-key-9999", "model": "gpt-6.1-sol", "isDefault": False})

    assert (reply.status, reply.body["code"], reply.body["reason"]) == (422, "provider_test_failed", reason)
    assert [(error["field"], error["type"]) for error in reply.body["errors"]] == [(field, reason)]
    assert stored(tenant) == before


def test_key_is_saved_untested_if_validate_is_false(stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, CONFIG | {"apiKey": "sk-invalid-key-1234", "validate": False})

    assert (reply.status, reply.body["lastTest"]) == (200, None)
    assert stack.providers.count() == 0


@pytest.mark.parametrize("submitted_key", [{"apiKey": "••••2a76"}, {}])
def test_mask_or_missing_key_keeps_the_saved_key(submitted_key: dict[str, str], stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG)
    before = stored(tenant)["openai"]

    reply = put(stack, tenant, {**submitted_key, "model": "gpt-6.1-terra"})

    assert (reply.status, reply.body["model"], reply.body["keyLastFour"]) == (200, "gpt-6.1-terra", "2a76")
    assert stored(tenant)["openai"].key_ciphertext == before.key_ciphertext
    tested_call = stack.providers.calls[-1]
    assert (tested_call.model, tested_call.key_sha256) == ("gpt-6.1-terra", key_digest(KEY))


@pytest.mark.parametrize("mask", ["••••9999", "••••", "••••2a76x", "••••••••2a76"])
def test_mask_of_another_key_is_refused(mask: str, stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG)

    assert refused_fields(put(stack, tenant, {"apiKey": mask})) == ["apiKey"]
    assert refused_fields(put(stack, f"{tenant}-other", CONFIG | {"apiKey": "••••2a76"})) == ["apiKey"]


def test_change_of_other_fields_calls_no_provider(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG)
    stack.providers.reset()
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.INVALID_KEY))

    reply = put(stack, tenant, {"apiKey": "••••2a76", "model": "gpt-6-luna", "enabled": False, "isDefault": True})

    assert (reply.status, reply.body["enabled"], reply.body["isDefault"]) == (200, False, True)
    assert stack.providers.count() == 0


@pytest.mark.parametrize(
    ("first_config", "missing"), [({"model": "gpt-6.1-sol"}, "apiKey"), ({"apiKey": KEY}, "model"), ({}, "apiKey")]
)
def test_first_config_needs_key_and_model(
    first_config: dict[str, str], missing: str, stack: LocalStack, tenant: str
) -> None:
    assert refused_fields(put(stack, tenant, first_config)) == [missing]
    assert stored(tenant) == {}


def test_concurrent_choices_leave_one_default(stack: LocalStack, tenant: str) -> None:
    names = list(ProviderName)
    body = CONFIG | {"validate": False, "isDefault": True}

    with ThreadPoolExecutor(len(names)) as threads:
        replies = [threads.submit(put, stack, tenant, body, provider=name) for name in names]

    assert [reply.result().status for reply in replies] == [200] * len(names)
    configs = stored(tenant)
    assert len(configs) == len(names)
    assert len([name for name, config in configs.items() if config.is_default]) == 1


def test_default_can_be_unset(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG | {"isDefault": True})

    assert put(stack, tenant, {"isDefault": False}).body["isDefault"] is False
    assert stored(tenant)["openai"].is_default is False


def test_saved_key_decrypts_for_its_tenant_and_provider_only(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG)
    config = stored(tenant)["openai"]
    ring = KeyRing(SystemClock())

    assert ring.api_key(tenant, config) == KEY
    with pytest.raises(KeyUnreadable):
        ring.api_key(f"{tenant}-other", config)
    with pytest.raises(KeyUnreadable):
        ring.api_key(tenant, config.model_copy(update={"provider": "groq"}))


def test_working_key_closes_the_circuit_of_the_previous_key(stack: LocalStack, tenant: str) -> None:
    store = SettingsStore(tables.settings())
    put(stack, tenant, CONFIG)
    store.add_failure(tenant, "openai", "gpt-6-luna", SystemClock().now_ms() // 1000 + 600)
    store.open_circuit(tenant, "openai", "gpt-6-luna", SystemClock().now_ms() + 600_000)

    put(stack, tenant, {"apiKey": "sk-another-key-9999"})

    circuit = store.load(tenant).circuits["openai", "gpt-6-luna"]
    assert (circuit.failures, circuit.open_until_ms) == (0, 0)


def test_new_config_is_used_by_warm_functions_within_30_s(stack: LocalStack, tenant: str) -> None:
    clock = MovedClock()
    first_function, second_function, caller = compose(clock), compose(clock), caller_of(tenant)
    first_function.settings.save_provider(caller, provider="openai", model="gpt-6-luna", api_key=KEY)
    assert second_function.settings.settings(caller).providers["openai"].model == "gpt-6-luna"

    first_function.settings.save_provider(caller, provider="openai", model="gpt-6.1-sol", api_key="sk-another-key-9999")
    first_function.settings.change_preferences(caller, {"cache_ttl_days": 0})
    assert first_function.settings.settings(caller).providers["openai"].model == "gpt-6.1-sol"
    assert second_function.settings.settings(caller).providers["openai"].model == "gpt-6-luna", "warm"
    clock.ms += 30_000

    settings = second_function.settings.settings(caller)
    assert (settings.providers["openai"].model, settings.preferences.cache_ttl_days) == ("gpt-6.1-sol", 0)
    assert second_function.key_ring.api_key(tenant, settings.providers["openai"]) == "sk-another-key-9999"
    first_function.settings.delete_provider(caller, "openai")
    clock.ms += 30_000
    assert second_function.settings.settings(caller).providers == {}
