"""Test the stored events, as `sam local invoke` passes them to the handlers."""

import json
from typing import Any

import pytest

from functions.authorizer.app import handler as authorize
from functions.erase_audit_content.app import handler as erase_audit_content
from functions.export_audit_logs.app import handler as export_audit_logs
from functions.generate_copy.app import handler as generate_copy
from functions.get_audit_job.app import handler as get_audit_job
from functions.get_audit_log.app import handler as get_audit_log
from functions.get_rate_limits.app import handler as get_rate_limits
from functions.health.app import handler as health
from functions.list_audit_logs.app import handler as list_audit_logs
from functions.put_config.app import handler as put_config
from functions.put_rate_limits.app import handler as put_rate_limits
from functions.run_audit_job.app import handler as run_audit_job
from functions.usage_stats.app import handler as usage_stats
from local.emulator.authorizer import allows
from local.stack import LocalStack
from nexus_ai.http.endpoint import Handler
from tests.answered_events import answered_events, summarize_response
from tests.integration.support.audit_jobs import ShortTime, leave_jobs_queued
from tests.integration.support.pipeline import copy
from tests.unit.http.http_events import Context, read_event


def test_generate_copy_event_returns_copy(stack: LocalStack) -> None:
    event = read_event("generate_copy")
    stack.tenants.welcome(event["requestContext"]["authorizer"]["tenantId"])

    response = generate_copy(event, Context())

    assert response["statusCode"] == 200, response["body"]
    body = json.loads(response["body"])
    assert len(body["data"]["variations"]) == json.loads(event["body"])["variations"]
    assert body["provider"] == "openai"
    assert body["usage"]["costUsd"] >= 0


def test_events_of_admin_routes_are_200(stack: LocalStack, tenant: str) -> None:
    handlers = {
        "put_config": put_config,
        "put_rate_limits": put_rate_limits,
        "get_rate_limits": get_rate_limits,
        "list_audit_logs": list_audit_logs,
        "usage_stats": usage_stats,
        "health": health,
    }
    bodies: dict[str, dict[str, object]] = {}
    for name, handler in handlers.items():
        event = read_event(name)
        event["requestContext"].setdefault("authorizer", {})["tenantId"] = tenant
        response = handler(event, Context())
        assert response["statusCode"] == 200, response["body"]
        bodies[name] = json.loads(response["body"])

    assert bodies["put_config"]["provider"] == "openai"
    assert bodies["get_rate_limits"] == bodies["put_rate_limits"]
    assert bodies["get_rate_limits"]["timeZone"] == "America/Manaus"
    assert bodies["list_audit_logs"]["nextCursor"] is None
    assert bodies["usage_stats"]["timeZone"] == "America/Manaus"
    assert bodies["health"]["status"] == "ok"


def test_events_of_audit_routes_and_jobs_are_200_or_202(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_jobs_queued(monkeypatch)
    record = copy(stack, tenant).body["requestId"]

    def call(name: str, handler: Handler, **path: str) -> dict[str, Any]:
        event = read_event(name)
        event["requestContext"]["authorizer"]["tenantId"] = tenant
        event["pathParameters"] = path or None
        response = handler(event, Context())
        assert response["statusCode"] == (200 if path else 202), response["body"]
        body: dict[str, Any] = json.loads(response["body"])
        return body

    assert call("get_audit_log", get_audit_log, id=record)["id"] == record
    started = call("export_audit_logs", export_audit_logs)
    assert call("erase_audit_content", erase_audit_content)["userId"] == "user-1"
    run_audit_job(read_event("run_audit_job") | {"tenantId": tenant, "jobId": started["id"]}, ShortTime(9))
    assert call("get_audit_job", get_audit_job, id=started["id"])["status"] == "done"


def test_authorizer_event_with_a_token_allows_its_route(stack: LocalStack, tenant: str) -> None:
    event = read_event("authorizer") | {"authorizationToken": f"Bearer {stack.token(tenant)}"}

    response = authorize(event, Context())

    assert response["context"]["tenantId"] == tenant
    assert allows(response["policyDocument"], event["methodArn"])
    assert allows(
        response["policyDocument"], "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/api/other"
    )
    assert not allows(response["policyDocument"], event["methodArn"].replace("a1b2c3d4e5", "another"))


def test_each_event_has_its_documented_response(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_jobs_queued(monkeypatch)
    stack.tenants.welcome(tenant)
    expected = {row.event: row.answer for row in answered_events()}

    def invoke(name: str, logical_id: str) -> str:
        event = read_event(name)
        event.get("requestContext", {}).get("authorizer", {}).update(tenantId=tenant)
        return summarize_response(stack.functions[logical_id].invoke(event))

    assert expected
    assert {row.event: invoke(row.event, row.logical_id) for row in answered_events()} == expected
