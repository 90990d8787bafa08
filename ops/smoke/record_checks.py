"""What was written down of the calls: usage-stats and audit-logs must agree with them."""

import time
from collections.abc import Callable

from ops.smoke.ledger import differences, expected, used
from ops.smoke.outcomes import CheckFailed
from ops.smoke.run import Run
from ops.smoke.tenant import read_usage

# Both are written before the response, but a read may be a moment behind.
AGREE_S = 20
POLL_S = 2


def usage_stats_agree(run: Run) -> str:
    """Compare what usage-stats grew by with the calls."""

    def look() -> tuple[str, list[str]]:
        grown = used(read_usage(run.api, run.before.began_at)).minus(used(run.before.usage))
        wanted = expected(run.calls, {record.id: record for record in run.records()})
        return f"grew by {grown}", [] if grown == wanted else [f"grew by {grown}; the calls are {wanted}"]

    return _agreement(run, look)


def audit_logs_agree(run: Run) -> str:
    """Compare the audit records with the calls."""

    def look() -> tuple[str, list[str]]:
        wrong = differences(run.calls, run.records())
        return f"one record for each of {len(run.calls)} calls, with the same tokens and cost", wrong

    return _agreement(run, look)


def _agreement(run: Run, look: Callable[[], tuple[str, list[str]]]) -> str:
    until = time.monotonic() + AGREE_S
    while True:
        detail, wrong = look()
        if not wrong:
            return detail
        if time.monotonic() >= until:
            raise CheckFailed("; ".join(wrong))
        run.interruption.wait(POLL_S)
