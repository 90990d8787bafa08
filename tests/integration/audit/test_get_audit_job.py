"""Test GET audit-logs/jobs/{id} through the local API."""

from uuid import uuid4

import pytest

from local.stack import LocalStack
from nexus_ai.audit.jobs.api import FILES_KEPT_MS, STALLED_MS, job_store
from nexus_ai.platform.clock import SystemClock
from tests.integration.support.audit_jobs import copy_by, export, finished_job, job, leave_jobs_queued


def test_job_is_shown_only_to_admins_of_its_tenant(stack: LocalStack, tenant: str) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    finished = finished_job(stack, tenant, export(stack, tenant))

    assert job(stack, tenant, finished["id"]).body["id"] == finished["id"]
    assert job(stack, f"{tenant}-other", finished["id"]).status == 404
    assert job(stack, tenant, str(uuid4())).status == 404
    assert job(stack, tenant, finished["id"], role="user").status == 403


@pytest.mark.parametrize("job_id", ["1", "%23job", "..%2Fdemo%23job"])
def test_invalid_id_is_422(job_id: str, stack: LocalStack, tenant: str) -> None:
    assert job(stack, tenant, job_id).status in {404, 422}
    assert job(stack, tenant, job_id).body["code"] in {"validation_failed", "not_found"}


def test_job_has_no_links_to_expired_files(stack: LocalStack, tenant: str) -> None:
    copy_by(stack, tenant, "ana", "Texto")
    finished = finished_job(stack, tenant, export(stack, tenant))
    assert finished["files"]
    done = job_store().load(tenant, finished["id"])
    assert done
    job_store().put(done.model_copy(update={"asked_at_ms": SystemClock().now_ms() - FILES_KEPT_MS}))

    later = job(stack, tenant, finished["id"]).body

    assert (later["status"], later["records"], later["files"]) == ("done", 1, [])


def test_job_without_progress_for_an_hour_has_failed(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_jobs_queued(monkeypatch)
    started = export(stack, tenant).body
    assert job(stack, tenant, started["id"]).body["status"] == "queued"
    queued = job_store().load(tenant, started["id"])
    assert queued
    job_store().put(queued.model_copy(update={"updated_at_ms": SystemClock().now_ms() - STALLED_MS}))

    assert job(stack, tenant, started["id"]).body["status"] == "failed"
