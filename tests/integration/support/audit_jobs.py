"""What the tests of the audit's jobs share: asking for them until they have ended, and running them by hand."""

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
    wish = {"from": "2026-01-01T00:00:00Z"} | body
    return ask(stack.url, "POST", f"{AUDIT_LOGS}/export", token=admin(stack, tenant), body=wish)


def erase(stack: LocalStack, tenant: str, user: str) -> Reply:
    return ask(stack.url, "DELETE", f"{AUDIT_LOGS}?userId={user}", token=admin(stack, tenant))


def job(stack: LocalStack, tenant: str, job_id: str, role: str = "admin") -> Reply:
    return ask(stack.url, "GET", f"{AUDIT_LOGS}/jobs/{job_id}", token=admin(stack, tenant, role))


def ended(stack: LocalStack, tenant: str, started: Reply) -> dict[str, Any]:
    """The job, once it has ended."""
    assert started.status == 202, started.body
    patience = time.monotonic() + PATIENCE_S
    while True:
        told = job(stack, tenant, started.body["id"]).body
        if told["status"] not in {"queued", "running"}:
            return told
        assert time.monotonic() < patience, told
        time.sleep(0.02)


def copy_by(stack: LocalStack, tenant: str, user: str, prompt: str, **headers: str) -> str:
    """The id of a request for copy by somebody; `headers` with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    wish = {"provider": "openai", "prompt": prompt}
    reply = ask(stack.url, "POST", GENERATE_COPY, token=stack.token(tenant, user), body=wish, headers=named)
    assert reply.status == 200, reply.body
    return str(reply.body["requestId"])


def lines(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of all files of an export, in their order."""
    found: list[dict[str, Any]] = []
    for file in told["files"]:
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
    """The context of invocations each of which has time for one step."""

    aws_request_id = "lambda-request"
    function_name = "nexus-ai-function"
    function_version = "7"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:RunAuditJobFunction"

    def __init__(self, steps: int = 1) -> None:
        self._steps = steps

    def get_remaining_time_in_millis(self) -> int:
        self._steps -= 1
        return STEP_MS + 1 if self._steps >= 0 else STEP_MS


def nobody_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are started stay queued."""

    def ignored(*_: object) -> None:
        return

    monkeypatch.setattr("local.emulator.invocations._invoke", ignored)


def run_by_hand(tenant: str, job_id: str, context: ShortTime | None = None) -> None:
    runner.run_job(JobEvent.model_validate({"tenantId": tenant, "jobId": job_id}), context or ShortTime(1000))
