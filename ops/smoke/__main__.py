"""Run the smoke test: `make smoke ENV=dev`, or `make smoke URL=http://127.0.0.1:3000` for a direct address."""

import os
import sys
from collections.abc import Sequence

from ops.smoke.api import Api
from ops.smoke.changes import Changes
from ops.smoke.checks import check_all
from ops.smoke.cleanup import clean_up
from ops.smoke.interruption import Interruption
from ops.smoke.options import Options, read_options
from ops.smoke.outcomes import Interrupted, Refused
from ops.smoke.report import Report
from ops.smoke.run import Run

FAILED = 1
REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of a run, and return 0 if nothing failed."""
    try:
        options = read_options(arguments, os.environ)
    except Refused as refused:
        return _refuse(str(refused))
    report, interruption = Report(), Interruption()
    try:
        with interruption.installed():
            _run(options, report, interruption)
    except Refused as refused:
        return _refuse(options.mask(str(refused)))
    print(options.mask(report.table()))
    return interruption.exit_status or (FAILED if report.failed else 0)


def _run(options: Options, report: Report, interruption: Interruption) -> None:
    with Api(options, interruption) as api:
        run = Run(api, options, interruption, Changes(api, interruption))
        try:
            check_all(run, report)
        except Interrupted:
            pass
        finally:
            clean_up(run, report)


def _refuse(reason: str) -> int:
    print(f"make smoke: {reason}", file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
