"""Test GET audit-logs/{id} through the local API: it returns a complete record, and each access is stored."""

from uuid import uuid4

import pytest

from local.providers.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.audit.models import AccessKind, Part
from nexus_ai.aws import clients, s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.audit.test_audit_content import LONG
from tests.integration.support.faults import fault, throttled
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import audit, copy, records, set_fallback

AUDIT_LOGS = "/api/marketing/ai/audit-logs"


def get(stack: LocalStack, tenant: str, record: str, user: str = "chefe", role: str = "admin") -> Reply:
    return ask(stack.url, "GET", f"{AUDIT_LOGS}/{record}", token=stack.stranger_token(tenant, user, [role]))


@pytest.mark.parametrize("prompt", ["Limpeza de pele", LONG])
def test_record_has_prompt_and_completion_from_item_or_s3(prompt: str, stack: LocalStack, tenant: str) -> None:
    response = copy(stack, tenant, {"prompt": prompt}).body

    reply = get(stack, tenant, response["requestId"])

    assert reply.status == 200, reply.body
    listed = ask(stack.url, "GET", AUDIT_LOGS, token=stack.token(tenant, roles=["admin"])).body["items"][0]
    assert {name: value for name, value in reply.body.items() if name in listed} == listed
    (message,) = reply.body["prompt"]["messages"]
    assert message["role"] == "user"
    assert prompt in message["text"]
    assert reply.body["prompt"]["system"]
    assert response["data"]["variations"][0]["text"] in reply.body["answer"]
    assert (reply.body["task"], bool(reply.body["promptVersion"])) == ("generate-copy", True)


def test_access_is_stored_before_content_is_returned(stack: LocalStack, tenant: str) -> None:
    record = copy(stack, tenant).body["requestId"]

    get(stack, tenant, record, "chefe")
    accesses = get(stack, tenant, record, "ana", "user").body["accesses"]

    assert [(access["userId"], access["kind"]) for access in accesses] == [("chefe", "read"), ("ana", "read")]
    first, _ = audit().accesses(tenant, record)
    assert (first.user_id, first.record_id, first.kind, first.ip) == ("chefe", record, AccessKind.READ, "127.0.0.1")
    with fault("PutItem", f"{tenant}#access", throttled):
        reply = get(stack, tenant, record)
    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert len(audit().accesses(tenant, record)) == 2


def test_reading_a_record_without_content_adds_no_access(stack: LocalStack, tenant: str) -> None:
    record = copy(stack, tenant).body["requestId"]
    audit().erase_contents(tenant, [record])

    reply = get(stack, tenant, record)

    assert (reply.body["prompt"], reply.body["answer"], reply.body["accesses"]) == (None, None, [])


def test_failed_request_has_a_prompt_and_no_completion(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_fallback(tenant, "openai")
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))
    copy(stack, tenant)
    (record,) = records(tenant)

    reply = get(stack, tenant, record.id)

    assert (reply.body["status"], reply.body["answer"]) == ("failed", None)
    assert reply.body["prompt"]


def test_record_of_another_user_or_tenant_is_not_found(stack: LocalStack, tenant: str) -> None:
    record = copy(stack, tenant).body["requestId"]
    replies = [
        get(stack, f"{tenant}-other", record),
        get(stack, tenant, record, "bruno", "user"),
        get(stack, tenant, str(uuid4())),
    ]

    assert [(reply.status, reply.body["code"]) for reply in replies] == [(404, "not_found")] * 3
    assert len({reply.body["detail"] for reply in replies}) == 1, "the responses do not reveal that the record exists"
    assert get(stack, tenant, record, "ana", "stranger").status == 403
    assert audit().accesses(tenant, record) == []


@pytest.mark.parametrize("record", ["1", "content", "%23content", "01A20653-5D3C-7A31-9C55-0D6A3E5D0B7C"])
def test_invalid_id_is_422(record: str, stack: LocalStack, tenant: str) -> None:
    reply = get(stack, tenant, record)

    assert (reply.status, reply.body["errors"][0]["field"]) == (422, "id")


def test_changed_content_is_not_returned(stack: LocalStack, tenant: str) -> None:
    record = copy(stack, tenant).body["requestId"]
    key = keys.audit_content(tenant, record, Part.ANSWER)
    item = tables.audit_logs().get(key)
    assert item
    tables.audit_logs().put(item | {"body": item["body"] + b"x"})

    assert get(stack, tenant, record).status == 500


def test_missing_object_is_no_error(stack: LocalStack, tenant: str) -> None:
    record = copy(stack, tenant, {"prompt": LONG}).body["requestId"]
    name = keys.audit_object(tenant, record, Part.PROMPT)
    assert s3.get(name)
    clients.s3().delete_object(Bucket=get_settings().content_bucket, Key=name)

    reply = get(stack, tenant, record)

    assert (reply.status, reply.body["prompt"]) == (200, None)
    assert reply.body["answer"]
