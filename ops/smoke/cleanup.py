"""Clean up after a run: restore the settings, and erase the prompts and completions of the run."""

import time

from ops.smoke.api import AUDIT_LOGS
from ops.smoke.changes import require_restored
from ops.smoke.outcomes import CheckFailed, CheckSkipped
from ops.smoke.report import Report, progress
from ops.smoke.responses import Content, Job, Records
from ops.smoke.run import Run
from ops.smoke.tenant import MODULES

# An erasure waits a minute for calls in flight.
ERASURE_S = 180
POLL_S = 2


def clean_up(run: Run, report: Report) -> None:
    """Clean up and add the rows to the report. If the tenant could not be read, nothing was changed."""
    run.interruption.defer()
    if run.tenant is None:
        return
    report.run("settings restored", lambda: _restore(run))
    report.run("content erased", lambda: _erase(run))


def _restore(run: Run) -> str:
    run.changes.restore()
    return require_restored(run.api, run.before)


def _erase(run: Run) -> str:
    """Erase the content of the token's user, unless the user also made other requests than smoke tests."""
    called = {call.request_id for call in run.calls}
    records = [record for record in run.records() if record.id in called]
    if not records:
        raise CheckSkipped("no call was recorded")
    _require_own_user(run, records[0].user_id)
    started = run.api.send("DELETE", AUDIT_LOGS, parameters={"userId": records[0].user_id})
    job = _ended(run, started.expect(202).read(Job))
    if job.status in {"queued", "running"}:
        return f"job {job.id} has started and ends within minutes"
    if job.status != "done":
        raise CheckFailed(f"job {job.id} is {job.status}")
    content = run.api.get(f"{AUDIT_LOGS}/{records[0].id}").expect(200).read(Content)
    if content.prompt or content.answer:
        raise CheckFailed(f"job {job.id} is done, but record {records[0].id} still has its content")
    return f"job done, {job.records} records without prompt and completion"


def _ended(run: Run, job: Job) -> Job:
    """Wait for the job and return it. If the run is interrupted, return it at once."""
    progress("  waiting for the erasure, which starts after a minute")
    until = time.monotonic() + ERASURE_S
    while job.status in {"queued", "running"} and run.interruption.exit_status is None:
        if time.monotonic() >= until:
            raise CheckFailed(f"job {job.id} is {job.status} after {ERASURE_S} seconds")
        run.interruption.wait(POLL_S)
        job = run.api.get(f"{AUDIT_LOGS}/jobs/{job.id}").expect(200).read(Job)
    return job


def _require_own_user(run: Run, user_id: str) -> None:
    """Raise CheckSkipped if the user also made other requests, because an erasure covers all of a user's records."""
    found = run.api.get(AUDIT_LOGS, userId=user_id, limit="100").expect(200).read(Records)
    if any(record.module not in MODULES for record in found.items):
        raise CheckSkipped("the token's user made other requests, which would be erased too: use a separate test user")
