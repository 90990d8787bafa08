"""Test POST audit-logs/export through the local API: a job writes records as JSON Lines."""

import pytest

from local.stack import LocalStack
from nexus_ai.audit.jobs.api import COUNTED, JOBS_PER_HOUR, job_store
from nexus_ai.audit.models import AccessKind, Part
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.limits.hourly import HourlyCounter
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.settings import get_settings
from tests.integration.audit.test_audit_content import LONG
from tests.integration.support.audit_jobs import AUDIT_LOGS, admin, copy_by, erase, export, finished_job, job, lines
from tests.integration.support.http_client import ask
from tests.integration.support.pipeline import audit, records


def test_export_has_complete_records_oldest_first(stack: LocalStack, tenant: str) -> None:
    ids = [copy_by(stack, tenant, "ana", "Primeiro"), copy_by(stack, tenant, "bruno", LONG)]
    ids.append(copy_by(stack, tenant, "ana", "Primeiro"))

    started = export(stack, tenant, content=True)
    finished = finished_job(stack, tenant, started)

    assert (started.body["kind"], started.body["askedBy"], started.body["userId"]) == ("export", "chefe", None)
    assert (finished["status"], finished["records"], len(finished["files"])) == ("done", 3, 1)
    found = lines(finished)
    assert [line["id"] for line in found] == ids
    assert LONG in found[1]["prompt"]["messages"][0]["text"]
    assert all(line["answer"] for line in found)
    assert [line["status"] for line in found] == ["answered", "answered", "cached"]
    token = admin(stack, tenant)
    listed = ask(stack.url, "GET", AUDIT_LOGS, token=token).body["items"]
    for line, record in zip(found, reversed(listed), strict=True):
        assert {name: value for name, value in line.items() if name in record} == record


def test_export_adds_an_access_to_each_record(stack: LocalStack, tenant: str) -> None:
    record = copy_by(stack, tenant, "ana", "Texto")

    started = export(stack, tenant, content=True)
    finished_job(stack, tenant, started)

    (access,) = audit().accesses(tenant, record)
    assert (access.kind, access.user_id, access.id) == (AccessKind.EXPORTED, "chefe", started.body["id"])


def test_export_without_content_adds_no_access(stack: LocalStack, tenant: str) -> None:
    record = copy_by(stack, tenant, "ana", "Um segredo")

    (line,) = lines(finished_job(stack, tenant, export(stack, tenant)))

    assert (line["prompt"], line["answer"], line["contentDamaged"]) == (None, None, False)
    assert audit().accesses(tenant, record) == []


def test_export_accepts_the_filters_of_the_list(stack: LocalStack, tenant: str) -> None:
    first = copy_by(stack, tenant, "ana", "Texto")
    second = copy_by(stack, tenant, "bruno", "Texto")
    started_at = {record.id: record.at_ms for record in records(tenant)}

    def ids(**body: object) -> list[str]:
        return [line["id"] for line in lines(finished_job(stack, tenant, export(stack, tenant, **body)))]

    assert ids(userId="ana") == [first]
    assert ids(status="cached", provider="openai", module="marketing") == [second]
    assert ids(to="2026-01-02T00:00:00Z") == []
    assert ids(to="2100-01-01T00:00:00Z") == sorted([first, second], key=started_at.__getitem__)


def test_damaged_content_is_marked_and_the_export_continues(stack: LocalStack, tenant: str) -> None:
    damaged, intact = copy_by(stack, tenant, "ana", "Um"), copy_by(stack, tenant, "ana", "Dois")
    key = keys.audit_content(tenant, damaged, Part.ANSWER)
    item = tables.audit_logs().get(key)
    assert item
    tables.audit_logs().put(item | {"body": item["body"] + b"x"})

    first, second = lines(finished_job(stack, tenant, export(stack, tenant, content=True)))

    assert (first["id"], first["contentDamaged"], first["prompt"]) == (damaged, True, None)
    assert (second["id"], second["contentDamaged"], bool(second["prompt"])) == (intact, False, True)


def test_export_has_no_records_of_another_tenant(stack: LocalStack, tenant: str) -> None:
    copy_by(stack, f"{tenant}-other", "ana", "Texto")

    finished = finished_job(stack, tenant, export(stack, tenant, content=True, userId="ana"))

    assert (finished["status"], finished["records"], finished["files"]) == ("done", 0, [])


def test_user_may_not_export(stack: LocalStack, tenant: str) -> None:
    body = {"from": "2026-01-01T00:00:00Z"}
    reply = ask(stack.url, "POST", f"{AUDIT_LOGS}/export", token=admin(stack, tenant, "user"), body=body)

    assert (reply.status, reply.body["code"]) == (403, "forbidden")
    assert job_store().of(tenant) == []


def test_exports_and_erasures_share_an_hourly_limit(stack: LocalStack, tenant: str) -> None:
    counter, now_ms = HourlyCounter(tables.rate_limits(), COUNTED, JOBS_PER_HOUR), SystemClock().now_ms()
    for _ in range(JOBS_PER_HOUR - 1):
        counter.take(tenant, now_ms)

    replies = [export(stack, tenant), export(stack, tenant), erase(stack, tenant, "ana")]

    assert [reply.status for reply in replies] == [202, 429, 429]
    for rejected in replies[1:]:
        assert (rejected.body["code"], rejected.body["limit"]) == ("limit_exceeded", COUNTED)
        assert 1 <= int(rejected.headers["Retry-After"]) <= 3600
    assert [started.id for started in job_store().of(tenant)] == [replies[0].body["id"]]
    assert export(stack, f"{tenant}-other").status == 202


def test_job_that_cannot_be_started_is_503_and_fails(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_AUDIT_JOB_FUNCTION", "missing")
    get_settings.cache_clear()
    try:
        reply = export(stack, tenant)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()

    assert (reply.status, reply.body["code"]) == (503, "jobs_unavailable")
    (failed,) = job_store().of(tenant)
    assert job(stack, tenant, failed.id).body["status"] == "failed"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from": None}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-01-01T00:00:00"}, "from"),
        ({"from": 0}, "from"),
        ({"from": "1767225600"}, "from"),
        ({"to": "2025-01-01T00:00:00Z"}, "to"),
        ({"userId": "a b"}, "userId"),
        ({"provider": "unknown"}, "provider"),
        ({"status": "good"}, "status"),
        ({"content": "yes"}, "content"),
        ({"since": "2026-01-01T00:00:00Z"}, "since"),
        ({"tenantId": "demo"}, "tenantId"),
        ({"bucket": "mine"}, "bucket"),
    ],
)
def test_invalid_body_is_422_and_named(body: dict[str, object], field: str, stack: LocalStack, tenant: str) -> None:
    reply = export(stack, tenant, **body)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == [field]
