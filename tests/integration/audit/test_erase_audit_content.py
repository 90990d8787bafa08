"""DELETE audit-logs?userId= through the local API: a person's content is gone everywhere, and that it was is known."""

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
    ended,
    erase,
    export,
    job,
    lines,
    object_name,
)
from tests.integration.support.http_client import ask
from tests.integration.support.pipeline import audit, records


@pytest.fixture(autouse=True)
def calls_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.CALLS_END_AFTER_MS", 0)


def test_a_persons_content_is_gone_everywhere_and_what_is_known_of_the_calls_stays(
    stack: LocalStack, tenant: str
) -> None:
    short = copy_by(stack, tenant, "ana", "Um segredo", Idempotency_Key="first")
    long = copy_by(stack, tenant, "ana", LONG)
    served = copy_by(stack, tenant, "ana", "Um segredo")
    brunos = copy_by(stack, tenant, "bruno", "De Bruno", Idempotency_Key="second")
    before = records(tenant)
    cache_keys = {record.user_id: record.cache_key or "" for record in before}

    told = ended(stack, tenant, erase(stack, tenant, "ana"))

    assert (told["status"], told["kind"], told["records"]) == ("done", "erasure", 3)
    assert (told["userId"], told["askedBy"], told["files"]) == ("ana", "chefe", [])
    assert records(tenant) == before
    for record in (short, long, served):
        assert contents(tenant, record) == {}
    assert object_names(tenant) == []
    cache = tables.cache()
    assert cache.get(keys.cached_response(tenant, cache_keys["ana"])) is None
    assert cache.get(keys.idempotency(tenant, key_hash("first"))) is None
    assert set(contents(tenant, brunos)) == {"prompt", "answer"}
    assert cache.get(keys.cached_response(tenant, cache_keys["bruno"]))
    assert cache.get(keys.idempotency(tenant, key_hash("second")))


def contents(tenant: str, record: str) -> dict[str, str]:
    return {content.part.value: content.text for content in audit().contents(tenant, record, 0)}


def test_an_erasure_is_itself_recorded_beside_every_record(stack: LocalStack, tenant: str) -> None:
    record = copy_by(stack, tenant, "ana", "Texto")
    told = ended(stack, tenant, erase(stack, tenant, "ana"))

    shown = ask(stack.url, "GET", f"{AUDIT_LOGS}/{record}", token=admin(stack, tenant)).body

    assert (shown["prompt"], shown["answer"], shown["usage"]["totalTokens"] > 0) == (None, None, True)
    (access,) = shown["accesses"]
    assert (access["kind"], access["userId"], access["at"]) == ("erased", "chefe", told["askedAt"])


def test_another_tenants_user_of_the_same_name_keeps_all(stack: LocalStack, tenant: str) -> None:
    other = f"{tenant}-other"
    kept = copy_by(stack, other, "ana", "Texto")
    copy_by(stack, tenant, "ana", "Texto")

    ended(stack, tenant, erase(stack, tenant, "ana"))

    assert set(contents(other, kept)) == {"prompt", "answer"}
    assert audit().accesses(other, kept) == []


def test_exports_that_may_hold_what_was_erased_are_withdrawn(stack: LocalStack, tenant: str) -> None:
    copy_by(stack, tenant, "ana", "Um segredo")
    copy_by(stack, tenant, "bruno", "De Bruno")
    whole = ended(stack, tenant, export(stack, tenant, content=True))
    brunos = ended(stack, tenant, export(stack, tenant, content=True, userId="bruno"))
    without = ended(stack, tenant, export(stack, tenant))
    names = [object_name(file["url"]) for file in whole["files"]]

    ended(stack, tenant, erase(stack, tenant, "ana"))

    withdrawn = job(stack, tenant, whole["id"]).body
    assert (withdrawn["status"], withdrawn["files"]) == ("withdrawn", [])
    for name in names:
        with pytest.raises(s3.ObjectMissing):
            s3.get(name)
    assert len(lines(job(stack, tenant, brunos["id"]).body)) == 1
    assert len(lines(job(stack, tenant, without["id"]).body)) == 2


def test_a_call_in_flight_leaves_nothing_either(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.CALLS_END_AFTER_MS", 900)
    stack.token(tenant, "ana")
    stack.providers.always(ProviderName.OPENAI, Answer(delay_s=0.3))
    call = threading.Thread(target=copy_by, args=(stack, tenant, "ana", "Um segredo"))
    call.start()
    patience = time.monotonic() + 10
    while not stack.providers.count():
        assert time.monotonic() < patience
        time.sleep(0.01)

    told = ended(stack, tenant, erase(stack, tenant, "ana"))
    call.join()

    (record,) = records(tenant)
    assert (told["records"], str(record.status)) == (1, "answered")
    assert contents(tenant, record.id) == {}
    assert tables.cache().get(keys.cached_response(tenant, record.cache_key or "")) is None
    assert tables.audit_logs().get(keys.audit_content(tenant, record.id, Part.ANSWER)) is None


def test_the_last_minutes_are_looked_through_without_the_index(stack: LocalStack, tenant: str) -> None:
    record = copy_by(stack, tenant, "ana", "Texto")
    table, key = tables.audit_logs(), keys.audit_record(tenant, record)
    table.update(key, "REMOVE byUser", {})

    told = ended(stack, tenant, erase(stack, tenant, "ana"))

    assert told["records"] == 1
    assert contents(tenant, record) == {}


def test_old_records_are_found_by_the_index(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.INDEX_LAG_MS", -1000)

    assert ended(stack, tenant, erase(stack, tenant, "ana"))["records"] == 1


def test_a_user_may_erase_nobody(stack: LocalStack, tenant: str) -> None:
    record = copy_by(stack, tenant, "ana", "Texto")

    reply = ask(stack.url, "DELETE", f"{AUDIT_LOGS}?userId=ana", token=stack.token(tenant, "ana", ["user"]))

    assert (reply.status, reply.body["code"]) == (403, "forbidden")
    assert contents(tenant, record)


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "userId"), ("?userId=", "userId"), ("?userId=a%20b", "userId"), ("?userId=a&userId=b", "userId"),
     ("?userId=a&tenantId=demo", "tenantId")],
)  # fmt: skip
def test_a_query_that_does_not_fit_is_422_and_named(query: str, field: str, stack: LocalStack, tenant: str) -> None:
    reply = ask(stack.url, "DELETE", f"{AUDIT_LOGS}{query}", token=admin(stack, tenant))

    assert (reply.status, reply.body["errors"][0]["field"]) == (422, field)
