"""The functions of a company's configuration: their stored events are answered, and their policies are what they do."""

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
# In an order in which each event finds what it needs.
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
def test_a_function_may_do_what_it_does_and_nothing_else(function: str, stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    gone = StoppedEmail(address="of@nobody.example", reason=StopReason.BOUNCE, at_ms=0)
    SettingsStore(tables.settings()).stop_email(tenant, gone)

    with recorded(tenant) as calls:
        replies = [call(stack, tenant, *request) for request in REQUESTS[function]]

    assert [reply.status for reply in replies] == [200] * len(replies)
    assert calls == granted(function)


def test_the_stored_events_are_answered(stack: LocalStack, tenant: str) -> None:
    answers: dict[str, Any] = {}
    for name in EVENTS:
        handler: Handler = import_module(f"functions.{name}.app").handler
        event = read_event(name)
        event["requestContext"]["authorizer"]["tenantId"] = tenant
        response = handler(event, Context())
        assert response["statusCode"] == 200, (name, response["body"])
        answers[name] = json.loads(response["body"])

    assert answers["test_config"]["success"] is True
    assert answers["list_configs"]["items"] == [answers["put_config"]]
    assert answers["list_models"]["items"]
    assert answers["get_preferences"] == answers["put_preferences"]
    assert answers["get_fallback"] == answers["put_fallback"]
    assert answers["get_rate_limits"] == answers["put_rate_limits"]
    assert answers["delete_config"] == {"provider": "openai", "deleted": True}


def test_no_route_reads_or_changes_what_is_another_companys(stack: LocalStack, tenant: str) -> None:
    """The other company is named wherever a client can write: path's end, query and headers; bodies refuse the name."""
    other = f"{tenant}-other"
    welcome(stack, other)
    configure(stack, other, "groq", apiKey="sk-of-the-others-ZYZY", model="openai/gpt-oss-20b")
    call(stack, other, "PUT", RATE_LIMITS, {"requestsPerHour": 77, "alertEmails": ["of@others.example"]})
    before, limits_before = stored(other), limit_state(other)
    named = {"X-Tenant-Id": other, "X-Amzn-Tenant": other, "Tenant": other}

    for method, path, body in (request for requests in REQUESTS.values() for request in requests):
        for target in (path, f"{path}?tenantId={other}&tenant_id={other}"):
            token = stack.stranger_token(tenant, roles=["admin"])
            reply = ask(stack.url, method, target, token=token, body=body, headers=named)
            assert not [text for text in ("ZYZY", "of@others.example", " 77,") if text in json.dumps(reply.body)]
            if body is not None:
                refused = ask(stack.url, method, target, token=token, body=body | {"tenantId": other}, headers=named)
                assert refused.status == 422

    assert stored(other) == before
    assert limit_state(other) == limits_before
