"""The function that works on the audit's jobs: past any time-out, safe to run twice, and given up after three tries."""

from typing import Any

import pytest

from local.stack import LocalStack
from nexus_ai.audit.jobs.api import file_name, job_store
from nexus_ai.audit.jobs.runner import STEP_MS
from nexus_ai.audit.jobs.store import JobStatus
from nexus_ai.aws import clients, lambda_, s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.platform.errors import StoreUnavailable
from nexus_ai.platform.settings import get_settings
from tests.integration.support.audit_jobs import (
    ShortTime,
    copy_by,
    ended,
    erase,
    export,
    job,
    lines,
    nobody_runs,
    run_by_hand,
)


def files_of(tenant: str) -> list[str]:
    listed = clients.s3().list_objects_v2(Bucket=get_settings().content_bucket, Prefix=f"-/exports/{tenant}/")
    return [entry.get("Key", "") for entry in listed.get("Contents", [])]


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.export.PAGE", 2)
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.PAGE", 2)


@pytest.mark.usefixtures("pages_of_two")
def test_an_export_goes_on_over_invocations_and_holds_every_record_once(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(5)]
    calls: list[dict[str, str]] = []

    def later(function: str, event: dict[str, str]) -> None:
        assert function == ShortTime.invoked_function_arn
        calls.append(event)

    nobody_runs(monkeypatch)
    started = export(stack, tenant, content=True).body
    monkeypatch.setattr("nexus_ai.aws.lambda_.invoke_later", later)

    run_by_hand(tenant, started["id"], ShortTime())
    between = job(stack, tenant, started["id"]).body
    assert (between["status"], between["records"], between["files"]) == ("running", 2, [])
    while calls:
        event = calls.pop()
        run_by_hand(event["tenantId"], event["jobId"], ShortTime())

    told = job(stack, tenant, started["id"]).body
    assert (told["status"], told["records"], len(told["files"])) == ("done", 5, 3)
    assert [line["id"] for line in lines(told)] == ids


@pytest.mark.usefixtures("pages_of_two")
def test_it_calls_itself_through_lambda(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(3)]
    monkeypatch.setattr("nexus_ai.audit.jobs.runner.STEP_MS", 10**9)
    call, called = lambda_.invoke_later, list[str]()

    def later(function: str, event: dict[str, str]) -> None:
        # Jobs of other companies go on meanwhile. The route calls the first run, which has no time for a step; the one
        # that this calls itself has.
        called.extend([function] if event["tenantId"] == tenant else [])
        if len(called) == 2:
            monkeypatch.setattr("nexus_ai.audit.jobs.runner.STEP_MS", STEP_MS)
        call(function, event)

    monkeypatch.setattr("nexus_ai.aws.lambda_.invoke_later", later)
    started = export(stack, tenant)

    told = ended(stack, tenant, started)

    assert (told["status"], [line["id"] for line in lines(told)]) == ("done", ids)
    stored = job_store().load(tenant, told["id"])
    assert stored
    assert stored.run > 1


def test_a_large_export_is_several_files(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.export.PAGE", 1)
    monkeypatch.setattr("nexus_ai.audit.jobs.export.FILE_BYTES", 1)
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(3)]

    told = ended(stack, tenant, export(stack, tenant))

    assert [file["records"] for file in told["files"]] == [1, 1, 1]
    assert [line["id"] for line in lines(told)] == ids


@pytest.mark.usefixtures("pages_of_two")
def test_of_two_runs_at_once_the_later_one_counts_and_nothing_is_there_twice(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(3)]
    nobody_runs(monkeypatch)
    started = export(stack, tenant).body
    put, interrupted = s3.put, list[str]()

    def put_and_be_overtaken(name: str, body: bytes) -> None:
        put(name, body)
        if not interrupted:
            interrupted.append(name)
            run_by_hand(tenant, started["id"])

    monkeypatch.setattr(s3, "put", put_and_be_overtaken)
    run_by_hand(tenant, started["id"])

    told = job(stack, tenant, started["id"]).body
    assert (told["status"], [line["id"] for line in lines(told)]) == ("done", ids)
    done = job_store().load(tenant, started["id"])
    assert done
    assert files_of(tenant) == [file_name(done, file) for file in done.files]
    assert interrupted[0] not in files_of(tenant), "the run that was overtaken took its file back"


def test_a_job_that_has_ended_is_not_run_again(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    told = ended(stack, tenant, export(stack, tenant))
    before = job_store().load(tenant, told["id"])

    run_by_hand(tenant, told["id"])
    run_by_hand(tenant, "01a20653-5d3c-7a31-9c55-0d6a3e5d0b7c")

    assert job_store().load(tenant, told["id"]) == before
    assert [stored.id for stored in job_store().of(tenant)] == [told["id"]], "nobody's job is not made"


def test_a_job_that_fails_three_times_is_given_up(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    tried: list[str] = []

    def fail(name: str, body: bytes) -> None:
        tried.append(name)
        raise StoreUnavailable

    monkeypatch.setattr(s3, "put", fail)
    told = ended(stack, tenant, export(stack, tenant))

    assert (told["status"], told["records"], told["files"]) == ("failed", 0, [])
    assert len(tried) == 3


def test_what_fails_once_is_done_at_the_second_try(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = copy_by(stack, tenant, "ana", "Texto")
    put, tried = s3.put, list[str]()

    def fail_once(name: str, body: bytes) -> None:
        tried.append(name)
        if len(tried) == 1:
            raise StoreUnavailable
        put(name, body)

    monkeypatch.setattr(s3, "put", fail_once)
    told = ended(stack, tenant, export(stack, tenant))

    assert (told["status"], [line["id"] for line in lines(told)]) == ("done", [record])


@pytest.mark.usefixtures("pages_of_two")
@pytest.mark.parametrize("point", ["record_accesses", "erase_contents"])
def test_an_erasure_that_is_killed_anywhere_is_finished_by_the_next_run(
    point: str, stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.CALLS_END_AFTER_MS", 0)
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(3)]
    nobody_runs(monkeypatch)
    started = erase(stack, tenant, "ana").body
    target = f"nexus_ai.audit.store.AuditStore.{point}"
    whole: Any = getattr(__import__("nexus_ai.audit.store", fromlist=["AuditStore"]).AuditStore, point)
    calls: list[str] = []

    def killed(self: object, *args: object) -> None:
        whole(self, *args)
        # Jobs of other tests may still be on their way in other threads.
        if args[0] == tenant:
            calls.append(point)
        if args[0] == tenant and len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(target, killed)
    with pytest.raises(KeyboardInterrupt):
        run_by_hand(tenant, started["id"])
    run_by_hand(tenant, started["id"])

    told = job(stack, tenant, started["id"]).body
    assert (told["status"], told["records"]) == ("done", 3)
    for record in ids:
        for part in ("prompt", "answer"):
            assert tables.audit_logs().get(keys.audit_content(tenant, record, part)) is None


def test_an_erasure_without_time_to_wait_leaves_the_rest_to_the_next_invocation(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    nobody_runs(monkeypatch)
    started = erase(stack, tenant, "ana").body

    run_by_hand(tenant, started["id"], ShortTime())

    stored = job_store().load(tenant, started["id"])
    assert stored
    assert (stored.status, stored.records) == (JobStatus.RUNNING, 0)
