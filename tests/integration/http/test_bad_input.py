"""Test invalid requests: each gets a 4xx problem document that names the fault, and never a 500."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.generate_copy.app import handler
from local.stack import LocalStack
from tests.integration.support.http_client import GENERATE_COPY, Reply, ask
from tests.unit.http.http_events import Context, post

VALID = {"provider": "openai", "prompt": "Announce our new online calendar."}


def generate(stack: LocalStack, tenant: str, body: object, **options: Any) -> Reply:
    if "token" not in options:
        options["token"] = stack.token(tenant)
    return ask(stack.url, "POST", GENERATE_COPY, body=body, **options)


def assert_problem(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.body["status"], reply.body["code"]) == (status, status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["X-Request-Id"]
    assert {"type", "title", "detail", "requestId"} <= reply.body.keys()


def test_missing_token_is_401(stack: LocalStack, tenant: str) -> None:
    assert_problem(generate(stack, tenant, VALID, token=None), 401, "unauthenticated")


def test_invalid_token_is_401(stack: LocalStack, tenant: str) -> None:
    assert_problem(generate(stack, tenant, VALID, token=stack.token(tenant)[:-6] + "AAAAAA"), 401, "unauthenticated")


def test_expired_token_is_401(stack: LocalStack, tenant: str) -> None:
    expired = stack.token(tenant, exp=int(time.time()) - 60)
    assert_problem(generate(stack, tenant, VALID, token=expired), 401, "unauthenticated")


def test_token_for_another_audience_is_401(stack: LocalStack, tenant: str) -> None:
    assert_problem(generate(stack, tenant, VALID, token=stack.token(tenant, aud="other")), 401, "unauthenticated")


def test_token_without_a_known_role_is_403(stack: LocalStack, tenant: str) -> None:
    assert_problem(generate(stack, tenant, VALID, token=stack.token(tenant, roles=["owner"])), 403, "forbidden")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n\t"}, "prompt"),
        ({"prompt": "a" * 20_001}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"provider": "gpt"}, "provider"),
        ({"provider": "OpenAI"}, "provider"),
        ({"provider": 1}, "provider"),
        ({"provider": ""}, "provider"),
        ({"model": ""}, "model"),
        ({"model": "../../admin"}, "model"),
        ({"module": "A Module"}, "module"),
        ({"context": []}, "context"),
        ({"context": {"platform": "orkut"}}, "context.platform"),
        ({"context": {"tone": {}}}, "context.tone"),
        ({"context": {"colour": "red"}}, "context.colour"),
        ({"context": {"brand_voice": "warm"}}, "context.brand_voice"),
        ({"variations": 0}, "variations"),
        ({"variations": 1000}, "variations"),
        ({"variations": "2"}, "variations"),
        ({"variations": 2.5}, "variations"),
        ({"variations": True}, "variations"),
        ({"tenantId": "other"}, "tenantId"),
        ({"apiKey": "sk-canary"}, "apiKey"),
        ({"baseUrl": "http://169.254.169.254"}, "baseUrl"),
    ],
)
def test_invalid_field_is_422_and_named(changed: dict[str, Any], field: str, stack: LocalStack, tenant: str) -> None:
    reply = generate(stack, tenant, VALID | changed)
    assert_problem(reply, 422, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == [field]
    assert field in reply.body["detail"]
    assert stack.providers.count() == 0


def test_missing_prompt_is_422_and_named(stack: LocalStack, tenant: str) -> None:
    assert generate(stack, tenant, {"provider": "openai"}).body["errors"][0]["field"] == "prompt"


def test_prompt_of_20_000_characters_is_accepted(stack: LocalStack, tenant: str) -> None:
    reply = generate(stack, tenant, VALID | {"prompt": "a" * 20_000})
    assert reply.status == 200, reply.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b'"text"',
        b"null",
        b'{"prompt": "a"',
        b'{"prompt": NaN}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "a", "prompt": "b"}',
        b'{"prompt": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"variations": ' + b"9" * 5000 + b"}",
    ],
)
def test_body_that_is_no_json_object_is_400(body: bytes, stack: LocalStack, tenant: str) -> None:
    assert_problem(generate(stack, tenant, body), 400, "malformed_body")


def test_provider_without_a_config_is_409_and_named(stack: LocalStack, tenant: str) -> None:
    reply = generate(stack, tenant, VALID, token=stack.stranger_token(tenant))
    assert_problem(reply, 409, "provider_not_configured")
    assert "openai" in reply.body["detail"]
    assert stack.providers.count() == 0


def test_invalid_idempotency_key_is_422_and_named(stack: LocalStack, tenant: str) -> None:
    reply = generate(stack, tenant, VALID, headers={"Idempotency-Key": "x" * 256})
    assert_problem(reply, 422, "validation_failed")
    assert reply.body["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(("method", "path"), [("GET", GENERATE_COPY), ("POST", "/api/nowhere"), ("GET", "/")])
def test_unknown_route_is_a_4xx_problem(method: str, path: str, stack: LocalStack, tenant: str) -> None:
    reply = ask(stack.url, method, path, token=stack.token(tenant))
    assert 400 <= reply.status < 500
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["code"]


def test_tenant_named_by_the_client_is_ignored(stack: LocalStack, tenant: str) -> None:
    other = f"{tenant}-other"
    stack.token(other)
    headers = {"X-Tenant-Id": other, "tenantId": other}
    reply = ask(
        stack.url,
        "POST",
        f"{GENERATE_COPY}?tenantId={other}",
        token=stack.stranger_token(tenant),
        body=VALID,
        headers=headers,
    )
    assert_problem(reply, 409, "provider_not_configured")


FUZZED = f"fuzz-{uuid4().hex[:12]}"
texts = st.text(st.characters(exclude_categories=()), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**18, 10**400) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["provider", "model", "module", "prompt", "context", "variations", "temperature", "maxTokens"])
bodies = st.one_of(
    st.dictionaries(names | texts, values, max_size=4).map(lambda changed: json.dumps(VALID | changed)),
    st.dictionaries(st.sampled_from(["platform", "tone", "language", "audience"]), texts).map(
        lambda context: json.dumps(VALID | {"context": context}, ensure_ascii=False)
    ),
    texts.map(lambda prompt: json.dumps(VALID | {"prompt": prompt}, ensure_ascii=False)),
    st.integers(1, 3000).map(lambda depth: '{"prompt":' + "[" * depth + "]" * depth + "}"),
    texts,
)
headers = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "Cache-Control", "User-Agent", "Content-Type"]), texts, max_size=3
)


@given(bodies, headers, st.booleans())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_client_input_is_a_500(stack: LocalStack, body: str, sent: dict[str, str], is_base64: bool) -> None:
    stack.tenants.welcome(FUZZED)
    event = post(raw=body, headers=sent, authorizer={"tenantId": FUZZED}) | {"isBase64Encoded": is_base64}
    response = handler(event, Context())
    assert response["statusCode"] < 500, response["body"]
    json.loads(response["body"])
