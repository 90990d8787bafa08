"""Test the functions of a tenant's settings: their stored events succeed, and their policies match what they do."""

import json
from importlib import import_module
from typing import Any

import pytest

from local.stack import LocalStack
from nexus_ai.aws.dynamodb import tables
from nexus_ai.http.endpoint import Handler
from nexus_ai.settings.models import StoppedEmail, StopReason
from nexus_ai.settings.store import SettingsStore
from tests.integration.security.test_permissions import granted, recorded
from tests.integration.support.http_client import ask
from tests.integration.support.pipeline import limit_state, welcome
from tests.integration.support.settings_requests import (
    CONFIGS,
    FALLBACK,
    PREFERENCES,
    RATE_LIMITS,
    call,
    configure,
    stored,
)
from tests.unit.http.http_events import Context, read_event

NEW_KEY = {"apiKey": "sk-a-new-key-of-groq", "model": "openai/gpt-oss-20b", "isDefault": True}
ORDERS = {"modules": {"*": {"providers": [{"provider": "groq"}]}, "email": None}}

REQUESTS: dict[str, list[tuple[str, str, Any]]] = {
    "ListConfigsFunction": [("GET", CONFIGS, None)],
    "PutConfigFunction": [
        ("PUT", f"{CONFIGS}/groq", NEW_KEY),
        ("PUT", f"{CONFIGS}/groq", {"model": "openai/gpt-oss-120b"}),
        ("PUT", f"{CONFIGS}/groq", {"isDefault": False}),
    ],
    "DeleteConfigFunction": [("DELETE", f"{CONFIGS}/groq", None)],
    "TestConfigFunction": [("POST", f"{CONFIGS}/test", {"provider": "groq"})],
    "ListModelsFunction": [("GET", f"{CONFIGS}/groq/models", None)],
    "GetPreferencesFunction": [("GET", PREFERENCES, None)],
    "PutPreferencesFunction": [("PUT", PREFERENCES, {"cacheTtlDays": 1})],
    "GetFallbackFunction": [("GET", FALLBACK, None)],
    "PutFallbackFunction": [("PUT", FALLBACK, ORDERS)],
    "GetRateLimitsFunction": [("GET", RATE_LIMITS, None)],
    "PutRateLimitsFunction": [
        ("PUT", RATE_LIMITS, {"timeZone": "UTC", "alertThresholds": [50]}),
        ("PUT", RATE_LIMITS, {"alertEmails": []}),
    ],
}
# Ordered so that each event finds what it needs.
EVENTS = (
    "test_config",
    "put_config",
    "list_configs",
    "list_models",
    "put_preferences",
    "get_preferences",
    "put_fallback",
    "get_fallback",
    "put_rate_limits",
    "get_rate_limits",
    "delete_config",
)


@pytest.mark.parametrize("function", REQUESTS)
def test_settings_function_has_exactly_the_permissions_it_uses(function: str, stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    stopped_address = StoppedEmail(address="of@unknown.example", reason=StopReason.BOUNCE, at_ms=0)
    SettingsStore(tables.settings()).stop_email(tenant, stopped_address)

    with recorded(tenant) as calls:
        replies = [call(stack, tenant, *request) for request in REQUESTS[function]]

    assert [reply.status for reply in replies] == [200] * len(replies)
    assert calls == granted(function)


def test_stored_settings_events_succeed(stack: LocalStack, tenant: str) -> None:
    responses: dict[str, Any] = {}
    for name in EVENTS:
        handler: Handler = import_module(f"functions.{name}.app").handler
        event = read_event(name)
        event["requestContext"]["authorizer"]["tenantId"] = tenant
        response = handler(event, Context())
        assert response["statusCode"] == 200, (name, response["body"])
        responses[name] = json.loads(response["body"])

    assert responses["test_config"]["success"] is True
    assert responses["list_configs"]["items"] == [responses["put_config"]]
    assert responses["list_models"]["items"]
    assert responses["get_preferences"] == responses["put_preferences"]
    assert responses["get_fallback"] == responses["put_fallback"]
    assert responses["get_rate_limits"] == responses["put_rate_limits"]
    assert responses["delete_config"] == {"provider": "openai", "deleted": True}


def test_settings_routes_never_touch_another_tenant(stack: LocalStack, tenant: str) -> None:
    """Name the other tenant wherever a client can write: in the query, in headers, and in bodies, which refuse it."""
    other = f"{tenant}-other"
    welcome(stack, other)
    configure(stack, other, "groq", apiKey="sk-of-the-others-ZYZY", model="openai/gpt-oss-20b")
    call(stack, other, "PUT", RATE_LIMITS, {"requestsPerHour": 77, "alertEmails": ["of@others.example"]})
    before, limits_before = stored(other), limit_state(other)
    headers = {"X-Tenant-Id": other, "X-Amzn-Tenant": other, "Tenant": other}

    for method, path, body in (request for requests in REQUESTS.values() for request in requests):
        for target in (path, f"{path}?tenantId={other}&tenant_id={other}"):
            token = stack.stranger_token(tenant, roles=["admin"])
            reply = ask(stack.url, method, target, token=token, body=body, headers=headers)
            assert not [text for text in ("ZYZY", "of@others.example", " 77,") if text in json.dumps(reply.body)]
            if body is not None:
                refused = ask(stack.url, method, target, token=token, body=body | {"tenantId": other}, headers=headers)
                assert refused.status == 422

    assert stored(other) == before
    assert limit_state(other) == limits_before
