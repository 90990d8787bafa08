"""Collect the results of a run in a table with one row per check."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from ops.smoke.outcomes import CheckFailed, CheckSkipped, Interrupted

HEAD = ("check", "result", "ms", "detail")


class Result(StrEnum):
    OK = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Row:
    check: str
    result: Result
    ms: int
    detail: str


class Report:
    """Results of a run."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    @property
    def failed(self) -> bool:
        return any(row.result is Result.FAILED for row in self.rows)

    def is_ok(self, check: str) -> bool:
        return any(row.check == check and row.result is Result.OK for row in self.rows)

    def run(self, check: str, work: Callable[[], str], *, needs: tuple[str, ...] = ()) -> None:
        """Run a check and add its row.

        Args:
            check: Name of the check.
            work: Runs the check and returns its detail.
            needs: Checks that must have succeeded; otherwise this one is skipped.

        Raises:
            Interrupted: A signal has ended the run. The unfinished check has a row.
        """
        missing = next((need for need in needs if not self.is_ok(need)), None)
        if missing:
            self.rows.append(Row(check, Result.SKIPPED, 0, f"needs the check {missing!r} to be ok"))
            return
        progress(check)
        started = time.monotonic()

        def add(result: Result, detail: str) -> None:
            self.rows.append(Row(check, result, int((time.monotonic() - started) * 1000), detail))

        try:
            add(Result.OK, work())
        except CheckFailed as failed:
            add(Result.FAILED, str(failed))
        except CheckSkipped as skipped:
            add(Result.SKIPPED, str(skipped))
        except Interrupted:
            add(Result.SKIPPED, "interrupted")
            raise

    def table(self) -> str:
        rows = [(row.check, str(row.result), f"{row.ms:,}", row.detail) for row in self.rows]
        name, result, ms = (max(len(cells[place]) for cells in [HEAD, *rows]) for place in range(3))
        return "\n".join(
            f"{cells[0]:{name}}  {cells[1]:{result}}  {cells[2]:>{ms}}  {cells[3]}".rstrip() for cells in [HEAD, *rows]
        )


def progress(text: str) -> None:
    """Print progress to standard error. A closed terminal must not end the clean-up."""
    with suppress(OSError):
        print(f"smoke: {text}", file=sys.stderr, flush=True)
