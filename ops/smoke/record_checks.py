"""Check that usage statistics and audit records agree with the calls of the run."""

import time
from collections.abc import Callable

from ops.smoke.ledger import differences, expected, used
from ops.smoke.outcomes import CheckFailed
from ops.smoke.run import Run
from ops.smoke.tenant import read_usage

# Both are written before the response is sent, but a read may return older data for a short time.
AGREE_S = 20
POLL_S = 2


def usage_stats_agree(run: Run) -> str:
    """Compare the increase of the usage statistics with the calls."""

    def compare() -> tuple[str, list[str]]:
        grown = used(read_usage(run.api, run.before.began_at)).minus(used(run.before.usage))
        required = expected(run.calls, {record.id: record for record in run.records()})
        return f"grew by {grown}", [] if grown == required else [f"grew by {grown}; the calls are {required}"]

    return _agreement(run, compare)


def audit_logs_agree(run: Run) -> str:
    """Compare the audit records with the calls."""

    def compare() -> tuple[str, list[str]]:
        wrong = differences(run.calls, run.records())
        return f"one record for each of {len(run.calls)} calls, with the same tokens and cost", wrong

    return _agreement(run, compare)


def _agreement(run: Run, compare: Callable[[], tuple[str, list[str]]]) -> str:
    until = time.monotonic() + AGREE_S
    while True:
        detail, wrong = compare()
        if not wrong:
            return detail
        if time.monotonic() >= until:
            raise CheckFailed("; ".join(wrong))
        run.interruption.wait(POLL_S)
