"""The stored events, as `sam local invoke` hands them to the handlers."""

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
from tests.answered_events import answered_events, told
from tests.integration.support.audit_jobs import ShortTime, nobody_runs
from tests.integration.support.pipeline import copy
from tests.unit.http.http_events import Context, read_event


def test_events_generate_copy_json_is_answered_with_copy(stack: LocalStack) -> None:
    event = read_event("generate_copy")
    stack.tenants.welcome(event["requestContext"]["authorizer"]["tenantId"])

    response = generate_copy(event, Context())

    assert response["statusCode"] == 200, response["body"]
    answer = json.loads(response["body"])
    assert len(answer["data"]["variations"]) == json.loads(event["body"])["variations"]
    assert answer["provider"] == "openai"
    assert answer["usage"]["costUsd"] >= 0


def test_events_of_administrators_are_answered(stack: LocalStack, tenant: str) -> None:
    handlers = {
        "put_config": put_config,
        "put_rate_limits": put_rate_limits,
        "get_rate_limits": get_rate_limits,
        "list_audit_logs": list_audit_logs,
        "usage_stats": usage_stats,
        "health": health,
    }
    answers: dict[str, dict[str, object]] = {}
    for name, handler in handlers.items():
        event = read_event(name)
        event["requestContext"].setdefault("authorizer", {})["tenantId"] = tenant
        response = handler(event, Context())
        assert response["statusCode"] == 200, response["body"]
        answers[name] = json.loads(response["body"])

    assert answers["put_config"]["provider"] == "openai"
    assert answers["get_rate_limits"] == answers["put_rate_limits"]
    assert answers["get_rate_limits"]["timeZone"] == "America/Manaus"
    assert answers["list_audit_logs"]["nextCursor"] is None
    assert answers["usage_stats"]["timeZone"] == "America/Manaus"
    assert answers["health"]["status"] == "ok"


def test_events_of_the_audit_and_its_jobs_are_answered(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody_runs(monkeypatch)
    record = copy(stack, tenant).body["requestId"]

    def answer(name: str, handler: Handler, **path: str) -> dict[str, Any]:
        event = read_event(name)
        event["requestContext"]["authorizer"]["tenantId"] = tenant
        event["pathParameters"] = path or None
        response = handler(event, Context())
        assert response["statusCode"] == (200 if path else 202), response["body"]
        told: dict[str, Any] = json.loads(response["body"])
        return told

    assert answer("get_audit_log", get_audit_log, id=record)["id"] == record
    started = answer("export_audit_logs", export_audit_logs)
    assert answer("erase_audit_content", erase_audit_content)["userId"] == "user-1"
    run_audit_job(read_event("run_audit_job") | {"tenantId": tenant, "jobId": started["id"]}, ShortTime(9))
    assert answer("get_audit_job", get_audit_job, id=started["id"])["status"] == "done"


def test_events_authorizer_json_with_a_token_in_it_lets_its_route_through(stack: LocalStack, tenant: str) -> None:
    event = read_event("authorizer") | {"authorizationToken": f"Bearer {stack.token(tenant)}"}

    answer = authorize(event, Context())

    assert answer["context"]["tenantId"] == tenant
    assert allows(answer["policyDocument"], event["methodArn"])
    assert allows(answer["policyDocument"], "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/api/other")
    assert not allows(answer["policyDocument"], event["methodArn"].replace("a1b2c3d4e5", "another"))


def test_each_event_is_answered_as_the_readme_tells(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody_runs(monkeypatch)
    stack.tenants.welcome(tenant)
    told_there = {row.event: row.answer for row in answered_events()}

    def answer(name: str, logical_id: str) -> str:
        event = read_event(name)
        event.get("requestContext", {}).get("authorizer", {}).update(tenantId=tenant)
        return told(stack.functions[logical_id].invoke(event))

    assert told_there
    assert {row.event: answer(row.event, row.logical_id) for row in answered_events()} == told_there
