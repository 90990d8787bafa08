"""Test the function that runs audit jobs over several invocations, twice at once, and with up to three tries."""

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
    erase,
    export,
    finished_job,
    job,
    leave_jobs_queued,
    lines,
    run_job_now,
)


def files_of(tenant: str) -> list[str]:
    listed = clients.s3().list_objects_v2(Bucket=get_settings().content_bucket, Prefix=f"-/exports/{tenant}/")
    return [entry.get("Key", "") for entry in listed.get("Contents", [])]


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.export.PAGE", 2)
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.PAGE", 2)


@pytest.mark.usefixtures("pages_of_two")
def test_export_over_several_invocations_has_each_record_once(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(5)]
    calls: list[dict[str, str]] = []

    def later(function: str, event: dict[str, str]) -> None:
        assert function == ShortTime.invoked_function_arn
        calls.append(event)

    leave_jobs_queued(monkeypatch)
    started = export(stack, tenant, content=True).body
    monkeypatch.setattr("nexus_ai.aws.lambda_.invoke_later", later)

    run_job_now(tenant, started["id"], ShortTime())
    between = job(stack, tenant, started["id"]).body
    assert (between["status"], between["records"], between["files"]) == ("running", 2, [])
    while calls:
        event = calls.pop()
        run_job_now(event["tenantId"], event["jobId"], ShortTime())

    finished = job(stack, tenant, started["id"]).body
    assert (finished["status"], finished["records"], len(finished["files"])) == ("done", 5, 3)
    assert [line["id"] for line in lines(finished)] == ids


@pytest.mark.usefixtures("pages_of_two")
def test_export_continues_by_invoking_its_own_function(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(3)]
    monkeypatch.setattr("nexus_ai.audit.jobs.runner.STEP_MS", 10**9)
    call, called = lambda_.invoke_later, list[str]()

    def later(function: str, event: dict[str, str]) -> None:
        # Jobs of other tenants may run now. The route invokes the first run, which has no time for a step. That run
        # invokes the second, which has time.
        called.extend([function] if event["tenantId"] == tenant else [])
        if len(called) == 2:
            monkeypatch.setattr("nexus_ai.audit.jobs.runner.STEP_MS", STEP_MS)
        call(function, event)

    monkeypatch.setattr("nexus_ai.aws.lambda_.invoke_later", later)
    started = export(stack, tenant)

    finished = finished_job(stack, tenant, started)

    assert (finished["status"], [line["id"] for line in lines(finished)]) == ("done", ids)
    stored = job_store().load(tenant, finished["id"])
    assert stored
    assert stored.run > 1


def test_large_export_has_several_files(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.export.PAGE", 1)
    monkeypatch.setattr("nexus_ai.audit.jobs.export.FILE_BYTES", 1)
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(3)]

    finished = finished_job(stack, tenant, export(stack, tenant))

    assert [file["records"] for file in finished["files"]] == [1, 1, 1]
    assert [line["id"] for line in lines(finished)] == ids


@pytest.mark.usefixtures("pages_of_two")
def test_of_two_concurrent_runs_the_later_one_counts(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(3)]
    leave_jobs_queued(monkeypatch)
    started = export(stack, tenant).body
    put, interrupted = s3.put, list[str]()

    def put_and_be_overtaken(name: str, body: bytes) -> None:
        put(name, body)
        if not interrupted:
            interrupted.append(name)
            run_job_now(tenant, started["id"])

    monkeypatch.setattr(s3, "put", put_and_be_overtaken)
    run_job_now(tenant, started["id"])

    finished = job(stack, tenant, started["id"]).body
    assert (finished["status"], [line["id"] for line in lines(finished)]) == ("done", ids)
    done = job_store().load(tenant, started["id"])
    assert done
    assert files_of(tenant) == [file_name(done, file) for file in done.files]
    assert interrupted[0] not in files_of(tenant), "the overtaken run deleted its file"


def test_ended_job_is_not_run_again(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    finished = finished_job(stack, tenant, export(stack, tenant))
    before = job_store().load(tenant, finished["id"])

    run_job_now(tenant, finished["id"])
    run_job_now(tenant, "01a20653-5d3c-7a31-9c55-0d6a3e5d0b7c")

    assert job_store().load(tenant, finished["id"]) == before
    assert [stored.id for stored in job_store().of(tenant)] == [finished["id"]], "running an unknown job creates none"


def test_job_fails_after_three_tries(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    tried: list[str] = []

    def fail(name: str, body: bytes) -> None:
        tried.append(name)
        raise StoreUnavailable

    monkeypatch.setattr(s3, "put", fail)
    finished = finished_job(stack, tenant, export(stack, tenant))

    assert (finished["status"], finished["records"], finished["files"]) == ("failed", 0, [])
    assert len(tried) == 3


def test_job_that_fails_once_succeeds_at_the_second_try(
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
    finished = finished_job(stack, tenant, export(stack, tenant))

    assert (finished["status"], [line["id"] for line in lines(finished)]) == ("done", [record])


@pytest.mark.usefixtures("pages_of_two")
@pytest.mark.parametrize("point", ["record_accesses", "erase_contents"])
def test_killed_erasure_is_finished_by_the_next_run(
    point: str, stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.CALLS_END_AFTER_MS", 0)
    ids = [copy_by(stack, tenant, "ana", f"Texto {number}") for number in range(3)]
    leave_jobs_queued(monkeypatch)
    started = erase(stack, tenant, "ana").body
    target = f"nexus_ai.audit.store.AuditStore.{point}"
    original: Any = getattr(__import__("nexus_ai.audit.store", fromlist=["AuditStore"]).AuditStore, point)
    calls: list[str] = []

    def killed(self: object, *args: object) -> None:
        original(self, *args)
        # Jobs of other tests may still run in other threads.
        if args[0] == tenant:
            calls.append(point)
        if args[0] == tenant and len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(target, killed)
    with pytest.raises(KeyboardInterrupt):
        run_job_now(tenant, started["id"])
    run_job_now(tenant, started["id"])

    finished = job(stack, tenant, started["id"]).body
    assert (finished["status"], finished["records"]) == ("done", 3)
    for record in ids:
        for part in ("prompt", "answer"):
            assert tables.audit_logs().get(keys.audit_content(tenant, record, part)) is None


def test_erasure_without_time_left_continues_in_the_next_invocation(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    leave_jobs_queued(monkeypatch)
    started = erase(stack, tenant, "ana").body

    run_job_now(tenant, started["id"], ShortTime())

    stored = job_store().load(tenant, started["id"])
    assert stored
    assert (stored.status, stored.records) == (JobStatus.RUNNING, 0)
