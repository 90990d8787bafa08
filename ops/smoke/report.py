"""The table of a run: one row for each check."""

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
    def __init__(self) -> None:
        self.rows: list[Row] = []

    @property
    def failed(self) -> bool:
        return any(row.result is Result.FAILED for row in self.rows)

    def is_ok(self, check: str) -> bool:
        return any(row.check == check and row.result is Result.OK for row in self.rows)

    def run(self, check: str, work: Callable[[], str], *, needs: tuple[str, ...] = ()) -> None:
        """Add a check's row. `work` returns its detail. It is skipped unless all checks that it needs were ok.

        Raises Interrupted, with a row for the check that did not end.
        """
        missing = next((need for need in needs if not self.is_ok(need)), None)
        if missing:
            self.rows.append(Row(check, Result.SKIPPED, 0, f"needs the check {missing!r} to be ok"))
            return
        progress(check)
        began = time.monotonic()

        def add(result: Result, detail: str) -> None:
            self.rows.append(Row(check, result, int((time.monotonic() - began) * 1000), detail))

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
    """Print what the run is doing to standard error. A terminal that is gone must not end the clean-up."""
    with suppress(OSError):
        print(f"smoke: {text}", file=sys.stderr, flush=True)
