"""PUT configs through the local API: a key goes in, serves the provider's calls, and comes out nowhere."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.simulated.board import key_digest
from local.stack import LocalStack
from nexus_ai.storage import tables
from nexus_ai.storage.keys import provider_config
from nexus_ai.tenants.models import ProviderConfig
from nexus_ai.tenants.store import TenantStore
from tests.functional.http_client import GENERATE_COPY, Reply, ask

KEY = "sk-canary-5d41402abc4b2a76"
CONFIG = {"apiKey": KEY, "model": "gpt-5-mini"}


def put(stack: LocalStack, tenant: str, body: object, *, provider: str = "openai", role: str = "admin") -> Reply:
    token = stack.stranger_token(tenant, roles=[role])
    return ask(stack.url, "PUT", f"/api/marketing/ai/configs/{provider}", token=token, body=body)


def stored(tenant: str) -> dict[str, ProviderConfig]:
    return dict(TenantStore(tables.settings()).load(tenant).providers)


def test_an_answer_tells_the_configuration_and_of_the_key_its_end(stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, CONFIG)

    assert reply.status == 200, reply.body
    fingerprint = reply.body.pop("fingerprint")
    assert datetime.fromisoformat(reply.body.pop("updatedAt")) <= datetime.now(UTC)
    test = reply.body.pop("lastTest")
    assert (test["success"], test["code"], test["model"]) == (True, "ok", "gpt-5-mini")
    assert reply.body == {
        "provider": "openai",
        "model": "gpt-5-mini",
        "enabled": True,
        "isDefault": False,
        "apiKey": "••••2a76",
        "keyLastFour": "2a76",
    }
    assert len(fingerprint) == 16
    assert fingerprint == put(stack, tenant, CONFIG | {"model": "gpt-5"}).body["fingerprint"]
    assert fingerprint != put(stack, tenant, CONFIG | {"apiKey": f"{KEY}x"}).body["fingerprint"]


def test_the_key_is_sent_to_its_provider(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG)

    token = stack.stranger_token(tenant, roles=["user"])
    reply = ask(stack.url, "POST", GENERATE_COPY, token=token, body={"provider": "openai", "prompt": "Olá"})

    assert reply.status == 200, reply.body
    tested, asked = stack.providers.calls
    assert tested.key_sha256 == asked.key_sha256 == key_digest(KEY)


def test_the_key_is_in_no_answer_no_log_and_no_table(
    stack: LocalStack, tenant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = [
        put(stack, tenant, CONFIG),
        put(stack, tenant, CONFIG | {"model": KEY + " "}),
        put(stack, tenant, CONFIG | {"enabled": KEY}),
        put(stack, tenant, CONFIG | {KEY: 1}, provider=KEY),
        put(stack, tenant, {"apiKey": KEY + "\n", "model": "gpt-5-mini"}),
    ]

    assert [reply.status for reply in replies] == [200, 422, 422, 422, 422]
    assert not [reply.body for reply in replies if KEY in json.dumps(reply.body)]
    assert KEY not in capsys.readouterr().out
    item = tables.settings().get(provider_config(tenant, "openai"), consistent=True)
    assert item is not None
    assert KEY not in repr(item)


def test_what_is_not_named_stays(stack: LocalStack, tenant: str) -> None:
    put(stack, tenant, CONFIG | {"enabled": False, "isDefault": True})

    reply = put(stack, tenant, {"apiKey": "sk-another-key-9999", "model": "gpt-5"})

    assert (reply.body["enabled"], reply.body["isDefault"]) == (False, True)
    assert (reply.body["model"], reply.body["keyLastFour"]) == ("gpt-5", "9999")
    assert put(stack, tenant, CONFIG | {"enabled": True}).body["enabled"] is True


def test_there_is_one_default(stack: LocalStack, tenant: str) -> None:
    for provider in ("openai", "groq", "anthropic"):
        put(stack, tenant, CONFIG | {"isDefault": True}, provider=provider)

    assert [name for name, config in stored(tenant).items() if config.is_default] == ["anthropic"]


def test_a_configuration_is_of_the_tokens_tenant_alone(stack: LocalStack, tenant: str) -> None:
    other = f"{tenant}-other"
    put(stack, tenant, CONFIG | {"isDefault": True})
    put(stack, other, CONFIG | {"model": "gpt-5", "isDefault": True})

    assert stored(tenant)["openai"].model == "gpt-5-mini"
    assert stored(tenant)["openai"].is_default is True
    assert put(stack, other, CONFIG | {"tenantId": tenant}).status == 422


def test_a_user_may_not_save_keys(stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, CONFIG, role="user")

    assert (reply.status, reply.body["code"]) == (403, "forbidden")
    assert stored(tenant) == {}


@pytest.mark.parametrize(
    ("changed", "field"),
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
    ],
)
def test_a_field_that_does_not_fit_is_422_and_named(
    changed: dict[str, Any], field: str, stack: LocalStack, tenant: str
) -> None:
    reply = put(stack, tenant, CONFIG | changed)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == [field]
    assert stored(tenant) == {}


@pytest.mark.parametrize("provider", ["gpt", "OpenAI", "openai%23x", "*"])
def test_a_provider_that_is_none_is_422_and_named(provider: str, stack: LocalStack, tenant: str) -> None:
    reply = put(stack, tenant, CONFIG, provider=provider)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == ["provider"]
