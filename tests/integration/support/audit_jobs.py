"""Start audit jobs, wait for their end, and run them by hand."""

import json
import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from local.stack import LocalStack
from nexus_ai.audit.jobs import runner
from nexus_ai.audit.jobs.runner import STEP_MS, JobEvent
from nexus_ai.aws import s3
from nexus_ai.platform.settings import get_settings
from tests.integration.support.http_client import GENERATE_COPY, Reply, ask

AUDIT_LOGS = "/api/marketing/ai/audit-logs"
PATIENCE_S = 20


def admin(stack: LocalStack, tenant: str, role: str = "admin") -> str:
    return stack.stranger_token(tenant, "chefe", [role])


def export(stack: LocalStack, tenant: str, **body: object) -> Reply:
    body = {"from": "2026-01-01T00:00:00Z"} | body
    return ask(stack.url, "POST", f"{AUDIT_LOGS}/export", token=admin(stack, tenant), body=body)


def erase(stack: LocalStack, tenant: str, user: str) -> Reply:
    return ask(stack.url, "DELETE", f"{AUDIT_LOGS}?userId={user}", token=admin(stack, tenant))


def job(stack: LocalStack, tenant: str, job_id: str, role: str = "admin") -> Reply:
    return ask(stack.url, "GET", f"{AUDIT_LOGS}/jobs/{job_id}", token=admin(stack, tenant, role))


def finished_job(stack: LocalStack, tenant: str, started: Reply) -> dict[str, Any]:
    """Wait until a started job has ended, and return it."""
    assert started.status == 202, started.body
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        shown = job(stack, tenant, started.body["id"]).body
        if shown["status"] not in {"queued", "running"}:
            return shown
        assert time.monotonic() < give_up_at, shown
        time.sleep(0.02)


def copy_by(stack: LocalStack, tenant: str, user: str, prompt: str, **headers: str) -> str:
    """Request copy as a user, and return the request id.

    Args:
        stack: The local stack.
        tenant: Id of the tenant.
        user: Id of the user.
        prompt: Prompt of the request.
        headers: Headers of the request, with underscores in place of hyphens.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"provider": "openai", "prompt": prompt}
    reply = ask(stack.url, "POST", GENERATE_COPY, token=stack.token(tenant, user), body=body, headers=named)
    assert reply.status == 200, reply.body
    return str(reply.body["requestId"])


def lines(exported: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the records of all files of an export, in order."""
    found: list[dict[str, Any]] = []
    for file in exported["files"]:
        body = s3.get(object_name(file["url"]))
        assert len(body) == file["bytes"]
        records = [json.loads(line) for line in body.splitlines()]
        assert len(records) == file["records"]
        found += records
    return found


def object_name(url: str) -> str:
    parts = urlsplit(url)
    assert 0 < int(parse_qs(parts.query)["X-Amz-Expires"][0]) <= 3600
    assert get_settings().content_bucket in url
    return unquote(parts.path).lstrip("/").removeprefix(f"{get_settings().content_bucket}/")


class ShortTime:
    """Context of a Lambda invocation that has time for a number of steps of a job."""

    aws_request_id = "lambda-request"
    function_name = "nexus-ai-function"
    function_version = "7"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:RunAuditJobFunction"

    def __init__(self, steps: int = 1) -> None:
        self._steps = steps

    def get_remaining_time_in_millis(self) -> int:
        self._steps -= 1
        return STEP_MS + 1 if self._steps >= 0 else STEP_MS


def leave_jobs_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let started jobs stay queued."""

    def ignored(*_: object) -> None:
        return

    monkeypatch.setattr("local.emulator.invocations._invoke", ignored)


def run_job_now(tenant: str, job_id: str, context: ShortTime | None = None) -> None:
    runner.run_job(JobEvent.model_validate({"tenantId": tenant, "jobId": job_id}), context or ShortTime(1000))
