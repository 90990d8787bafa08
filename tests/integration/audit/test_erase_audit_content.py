"""Test DELETE audit-logs?userId= through the local API: it deletes all content of a user, and is recorded."""

import threading
import time

import pytest

from local.providers.behaviours import Answer
from local.stack import LocalStack
from nexus_ai.audit.models import Part
from nexus_ai.aws import s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.cache.idempotency import key_hash
from nexus_ai.providers.base import ProviderName
from tests.integration.audit.test_audit_content import LONG, object_names
from tests.integration.support.audit_jobs import (
    AUDIT_LOGS,
    admin,
    copy_by,
    erase,
    export,
    finished_job,
    job,
    lines,
    object_name,
)
from tests.integration.support.http_client import ask
from tests.integration.support.pipeline import audit, records


@pytest.fixture(autouse=True)
def calls_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.CALLS_END_AFTER_MS", 0)


def test_erasure_deletes_a_users_content_and_keeps_the_records(stack: LocalStack, tenant: str) -> None:
    short = copy_by(stack, tenant, "ana", "Um segredo", Idempotency_Key="first")
    long = copy_by(stack, tenant, "ana", LONG)
    served = copy_by(stack, tenant, "ana", "Um segredo")
    of_bruno = copy_by(stack, tenant, "bruno", "De Bruno", Idempotency_Key="second")
    before = records(tenant)
    cache_keys = {record.user_id: record.cache_key or "" for record in before}

    finished = finished_job(stack, tenant, erase(stack, tenant, "ana"))

    assert (finished["status"], finished["kind"], finished["records"]) == ("done", "erasure", 3)
    assert (finished["userId"], finished["askedBy"], finished["files"]) == ("ana", "chefe", [])
    assert records(tenant) == before
    for record in (short, long, served):
        assert contents(tenant, record) == {}
    assert object_names(tenant) == []
    cache = tables.cache()
    assert cache.get(keys.cached_response(tenant, cache_keys["ana"])) is None
    assert cache.get(keys.idempotency(tenant, key_hash("first"))) is None
    assert set(contents(tenant, of_bruno)) == {"prompt", "answer"}
    assert cache.get(keys.cached_response(tenant, cache_keys["bruno"]))
    assert cache.get(keys.idempotency(tenant, key_hash("second")))


def contents(tenant: str, record: str) -> dict[str, str]:
    return {content.part.value: content.text for content in audit().contents(tenant, record, 0)}


def test_erasure_adds_an_access_to_each_record(stack: LocalStack, tenant: str) -> None:
    record = copy_by(stack, tenant, "ana", "Texto")
    finished = finished_job(stack, tenant, erase(stack, tenant, "ana"))

    shown = ask(stack.url, "GET", f"{AUDIT_LOGS}/{record}", token=admin(stack, tenant)).body

    assert (shown["prompt"], shown["answer"], shown["usage"]["totalTokens"] > 0) == (None, None, True)
    (access,) = shown["accesses"]
    assert (access["kind"], access["userId"], access["at"]) == ("erased", "chefe", finished["askedAt"])


def test_erasure_keeps_content_of_another_tenants_user(stack: LocalStack, tenant: str) -> None:
    other = f"{tenant}-other"
    record = copy_by(stack, other, "ana", "Texto")
    copy_by(stack, tenant, "ana", "Texto")

    finished_job(stack, tenant, erase(stack, tenant, "ana"))

    assert set(contents(other, record)) == {"prompt", "answer"}
    assert audit().accesses(other, record) == []


def test_exports_with_erased_content_are_withdrawn(stack: LocalStack, tenant: str) -> None:
    copy_by(stack, tenant, "ana", "Um segredo")
    copy_by(stack, tenant, "bruno", "De Bruno")
    everything = finished_job(stack, tenant, export(stack, tenant, content=True))
    of_bruno = finished_job(stack, tenant, export(stack, tenant, content=True, userId="bruno"))
    without = finished_job(stack, tenant, export(stack, tenant))
    names = [object_name(file["url"]) for file in everything["files"]]

    finished_job(stack, tenant, erase(stack, tenant, "ana"))

    withdrawn = job(stack, tenant, everything["id"]).body
    assert (withdrawn["status"], withdrawn["files"]) == ("withdrawn", [])
    for name in names:
        with pytest.raises(s3.ObjectMissing):
            s3.get(name)
    assert len(lines(job(stack, tenant, of_bruno["id"]).body)) == 1
    assert len(lines(job(stack, tenant, without["id"]).body)) == 2


def test_erasure_waits_for_requests_in_flight(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.CALLS_END_AFTER_MS", 900)
    stack.token(tenant, "ana")
    stack.providers.always(ProviderName.OPENAI, Answer(delay_s=0.3))
    call = threading.Thread(target=copy_by, args=(stack, tenant, "ana", "Um segredo"))
    call.start()
    give_up_at = time.monotonic() + 10
    while not stack.providers.count():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)

    finished = finished_job(stack, tenant, erase(stack, tenant, "ana"))
    call.join()

    (record,) = records(tenant)
    assert (finished["records"], str(record.status)) == (1, "answered")
    assert contents(tenant, record.id) == {}
    assert tables.cache().get(keys.cached_response(tenant, record.cache_key or "")) is None
    assert tables.audit_logs().get(keys.audit_content(tenant, record.id, Part.ANSWER)) is None


def test_erasure_finds_recent_records_without_the_index(stack: LocalStack, tenant: str) -> None:
    record = copy_by(stack, tenant, "ana", "Texto")
    table, key = tables.audit_logs(), keys.audit_record(tenant, record)
    table.update(key, "REMOVE byUser", {})

    finished = finished_job(stack, tenant, erase(stack, tenant, "ana"))

    assert finished["records"] == 1
    assert contents(tenant, record) == {}


def test_erasure_finds_old_records_by_the_index(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.INDEX_LAG_MS", -1000)

    assert finished_job(stack, tenant, erase(stack, tenant, "ana"))["records"] == 1


def test_user_may_not_erase_content(stack: LocalStack, tenant: str) -> None:
    record = copy_by(stack, tenant, "ana", "Texto")

    reply = ask(stack.url, "DELETE", f"{AUDIT_LOGS}?userId=ana", token=stack.token(tenant, "ana", ["user"]))

    assert (reply.status, reply.body["code"]) == (403, "forbidden")
    assert contents(tenant, record)


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "userId"), ("?userId=", "userId"), ("?userId=a%20b", "userId"), ("?userId=a&userId=b", "userId"),
     ("?userId=a&tenantId=demo", "tenantId")],
)  # fmt: skip
def test_invalid_query_is_422_and_named(query: str, field: str, stack: LocalStack, tenant: str) -> None:
    reply = ask(stack.url, "DELETE", f"{AUDIT_LOGS}{query}", token=admin(stack, tenant))

    assert (reply.status, reply.body["errors"][0]["field"]) == (422, field)
