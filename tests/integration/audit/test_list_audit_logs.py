"""Test GET audit-logs through the local API: records newest first, in pages, and without content."""

import json
from typing import Any

import pytest

from local.providers.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.platform.clock import SystemClock
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.http_client import GENERATE_COPY, Reply, ask
from tests.integration.support.pipeline import copy, set_fallback, set_limits

AUDIT_LOGS = "/api/marketing/ai/audit-logs"
FIELDS = {
    "id", "at", "userId", "module", "endpoint", "status", "errorCode", "provider", "model", "attempts", "usage", "ip",
    "userAgent", "latencyMs",
}  # fmt: skip


def get(stack: LocalStack, tenant: str, query: str = "", role: str = "admin") -> Reply:
    return ask(stack.url, "GET", f"{AUDIT_LOGS}{query}", token=stack.token(tenant, roles=[role]))


def items(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status == 200, reply.body
    found: list[dict[str, Any]] = reply.body["items"]
    return found


def next_millisecond() -> None:
    """Wait until the clock shows another millisecond, because records of the same one have no defined order."""
    now_ms = SystemClock().now_ms()
    while SystemClock().now_ms() == now_ms:
        pass


def several(stack: LocalStack, tenant: str, number: int) -> list[str]:
    """Send requests, each in its own millisecond, and return the ids of their records, newest first."""
    ids: list[str] = []
    for index in range(number):
        ids.insert(0, copy(stack, tenant, {"prompt": f"Texto {index}"}).body["requestId"])
        next_millisecond()
    return ids


def test_record_has_user_usage_and_cost_and_no_content(stack: LocalStack, tenant: str) -> None:
    response = copy(stack, tenant, {"module": "agenda", "prompt": "Um segredo"}, User_Agent="crm/1").body

    reply = get(stack, tenant)

    (record,) = items(reply)
    assert set(record) == FIELDS
    assert record["id"] == response["requestId"]
    assert (record["userId"], record["module"], record["ip"]) == ("ana", "agenda", "127.0.0.1")
    assert record["userAgent"] == "crm/1"
    assert record["endpoint"] == "POST /api/marketing/ai-assistant/generate-copy-v2"
    assert (record["status"], record["errorCode"], record["provider"]) == ("answered", None, "openai")
    assert record["usage"] == response["usage"]
    (attempt,) = record["attempts"]
    assert (attempt["outcome"], attempt["tokens"], attempt["costUsd"]) == (
        "answered", response["usage"]["totalTokens"], response["usage"]["costUsd"],
    )  # fmt: skip
    assert (attempt["estimated"], attempt["overrun"]) == (False, False)
    assert record["latencyMs"] >= 0
    assert "segredo" not in json.dumps(reply.body)
    assert reply.body["nextCursor"] is None


def test_requests_of_every_status_are_listed(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_fallback(tenant, "openai")
    copy(stack, tenant)
    next_millisecond()
    copy(stack, tenant)
    next_millisecond()
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))
    copy(stack, tenant, {"prompt": "Falha"})
    next_millisecond()
    set_limits(tenant, requests=0)
    copy(stack, tenant, {"prompt": "Recusado"})

    rejected, failed, cached, answered = items(get(stack, tenant))

    assert [record["status"] for record in (answered, cached, failed, rejected)] == [
        "answered", "cached", "failed", "rejected",
    ]  # fmt: skip
    assert (failed["errorCode"], rejected["errorCode"]) == ("all_providers_failed", "limit_exceeded")
    assert failed["attempts"][0]["errorCode"]
    nothing = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0, "costUsd": 0}
    assert cached["usage"] == rejected["usage"] == nothing


def test_usage_that_was_not_reported_is_null_and_estimated(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_fallback(tenant, "openai")
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.MALFORMED))
    copy(stack, tenant)

    (record,) = items(get(stack, tenant))

    assert (record["usage"]["inputTokens"], record["usage"]["outputTokens"]) == (None, None)
    assert record["usage"]["totalTokens"] > 0
    assert record["attempts"][0]["estimated"] is True


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_pages_have_every_record_once_newest_first(limit: int, stack: LocalStack, tenant: str) -> None:
    ids = several(stack, tenant, 4)
    pages: list[list[str]] = []
    cursor = ""
    while True:
        reply = get(stack, tenant, f"?limit={limit}{cursor}")
        pages.append([record["id"] for record in items(reply)])
        if reply.body["nextCursor"] is None:
            break
        cursor = f"&cursor={reply.body['nextCursor']}"

    assert [record for page in pages for record in page] == ids
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[-1], "no empty page at the end"


def test_from_is_inclusive_and_to_is_exclusive(stack: LocalStack, tenant: str) -> None:
    newest, middle, oldest = several(stack, tenant, 3)
    started_at = {record["id"]: record["at"] for record in items(get(stack, tenant))}

    def ids(query: str) -> list[str]:
        return [record["id"] for record in items(get(stack, tenant, query))]

    assert ids(f"?from={started_at[middle]}") == [newest, middle]
    assert ids(f"?to={started_at[middle]}") == [oldest]
    assert ids(f"?from={started_at[middle]}&to={started_at[newest]}") == [middle]
    assert ids(f"?from={started_at[newest]}&to={started_at[oldest]}") == []
    assert ids("?from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z") == [newest, middle, oldest]


def test_cursor_is_valid_for_its_tenant_user_and_query_only(stack: LocalStack, tenant: str) -> None:
    several(stack, tenant, 3)
    other = f"{tenant}-other"
    (other_record,) = several(stack, other, 1)
    cursor = get(stack, tenant, "?limit=1").body["nextCursor"]

    assert len(items(get(stack, tenant, f"?limit=2&cursor={cursor}"))) == 2
    rejected = [
        get(stack, other, f"?limit=1&cursor={cursor}"),
        get(stack, tenant, f"?limit=1&provider=openai&cursor={cursor}"),
        get(stack, tenant, f"?limit=1&from=2026-01-01T00:00:00Z&cursor={cursor}"),
        get(stack, tenant, f"?limit=1&cursor={cursor}", role="user"),
        get(stack, tenant, f"?limit=1&cursor={cursor[:-1]}"),
        get(stack, tenant, f"?limit=1&cursor={'A' * len(cursor)}"),
        get(stack, tenant, f"?limit=1&cursor={other_record.replace('-', '')}"),
    ]
    for reply in rejected:
        assert (reply.status, reply.body["errors"][0]["field"]) == (422, "cursor")
    assert [record["id"] for record in items(get(stack, other))] == [other_record]


def test_user_sees_only_their_own_records(stack: LocalStack, tenant: str) -> None:
    of_ana = several(stack, tenant, 2)
    copy_of(stack, tenant, "bruno")

    def history(user: str, query: str = "") -> Reply:
        return ask(stack.url, "GET", f"{AUDIT_LOGS}{query}", token=stack.token(tenant, user, ["user"]))

    assert [record["id"] for record in items(history("ana"))] == of_ana
    assert [record["userId"] for record in items(history("bruno"))] == ["bruno"]
    assert items(history("carla")) == []
    assert [record["id"] for record in items(history("ana", "?userId=ana"))] == of_ana
    reply = history("ana", "?userId=bruno")
    assert (reply.status, reply.body["code"]) == (403, "forbidden")
    pages = history("ana", "?limit=1").body
    assert items(history("ana", f"?limit=1&cursor={pages['nextCursor']}"))[0]["id"] == of_ana[1]
    assert history("bruno", f"?limit=1&cursor={pages['nextCursor']}").status == 422


def copy_of(stack: LocalStack, tenant: str, user: str, **body: str) -> str:
    """Request copy as a user, and return the request id."""
    fields = {"provider": "openai", "prompt": f"De {user}"} | body
    reply = ask(stack.url, "POST", GENERATE_COPY, token=stack.token(tenant, user), body=fields)
    return str(reply.body["requestId"])


def test_filters_work_alone_and_combined(stack: LocalStack, tenant: str) -> None:
    (plain,) = several(stack, tenant, 1)
    groq = copy_of(stack, tenant, "bruno", provider="groq", module="agenda")
    groq_of_ana = copy_of(stack, tenant, "ana", provider="groq")
    (cached,) = several(stack, tenant, 1)

    def ids(query: str) -> set[str]:
        return {record["id"] for record in items(get(stack, tenant, query))}

    assert ids("?userId=ana") == {plain, groq_of_ana, cached}
    assert ids("?provider=groq") == {groq, groq_of_ana}
    assert ids("?provider=groq&userId=ana") == {groq_of_ana}
    assert ids("?module=agenda") == {groq}
    assert ids("?status=cached") == {cached}
    assert ids("?status=cached&userId=bruno") == set()


def test_search_of_a_rare_filter_is_bounded_per_page(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_ai.audit.store.MAX_SCANNED", 2)
    oldest = copy_of(stack, tenant, "bruno", module="agenda")
    several(stack, tenant, 4)

    first = get(stack, tenant, "?module=agenda")
    second = get(stack, tenant, f"?module=agenda&cursor={first.body['nextCursor']}")
    third = get(stack, tenant, f"?module=agenda&cursor={second.body['nextCursor']}")

    assert items(first) == items(second) == []
    assert [record["id"] for record in items(third)] == [oldest]
    assert third.body["nextCursor"] is None


def test_caller_without_a_role_may_not_read_the_audit(stack: LocalStack, tenant: str) -> None:
    reply = get(stack, tenant, role="stranger")

    assert (reply.status, reply.body["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?limit=ten", "limit"),
        ("?limit=", "limit"),
        ("?limit=1&limit=2", "limit"),
        ("?from=yesterday", "from"),
        ("?from=2026-01-01T00:00:00", "from"),
        ("?from=1767225600", "from"),
        ("?to=2026-13-01T00:00:00Z", "to"),
        ("?cursor=0", "cursor"),
        ("?cursor=", "cursor"),
        ("?provider=unknown", "provider"),
        ("?status=good", "status"),
        ("?userId=a%20b", "userId"),
        ("?module=", "module"),
        ("?cursor=%23content", "cursor"),
        ("?since=2026-01-01T00:00:00Z", "since"),
        ("?tenantId=demo", "tenantId"),
    ],
)
def test_invalid_parameter_is_422_and_named(query: str, field: str, stack: LocalStack, tenant: str) -> None:
    reply = get(stack, tenant, query)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == [field]
