"""Check that the models which this repository shows are not about to retire.

    python -m ops.retirements

Prints one line for each model of local/dev/default_models.py, and ends with 1 where one has a problem.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from local.dev.default_models import LIFECYCLES, Lifecycle
from nexus_ai.providers.base import ProviderName

LEAST_AHEAD: Final = timedelta(days=90)
# Anthropic announces a retirement 60 days ahead, the shortest notice that one of the providers promises. Evidence that
# is older can miss a whole notice.
OLDEST_EVIDENCE: Final = timedelta(days=60)


def problem(lifecycle: Lifecycle, today: date) -> str | None:
    """Return what is wrong with a model's lifecycle on a day, or None."""
    if lifecycle.retires_on is not None and lifecycle.retires_on - today < LEAST_AHEAD:
        return f"choose a successor: {(lifecycle.retires_on - today).days} days are left, {LEAST_AHEAD.days} are needed"
    if today - lifecycle.checked_on > OLDEST_EVIDENCE:
        return f"look again: the evidence is {(today - lifecycle.checked_on).days} days old"
    return None


def line(provider: ProviderName, model: str, lifecycle: Lifecycle, today: date) -> str:
    """Return the line that is printed for a model."""
    found = problem(lifecycle, today)
    end = f"until {lifecycle.retires_on}" if lifecycle.retires_on else "no end announced"
    told = f"{'FAILED' if found else 'ok':<6}  {provider:<10}  {model:<28}  {end:<16}"
    told += f"  checked {lifecycle.checked_on} at {lifecycle.source}"
    return f"{told}  {found}" if found else told


def audit(lifecycles: Mapping[tuple[ProviderName, str], Lifecycle], today: date) -> int:
    """Print a line for each model, and return the exit status."""
    for (provider, model), lifecycle in lifecycles.items():
        print(line(provider, model, lifecycle, today))
    return 1 if any(problem(lifecycle, today) for lifecycle in lifecycles.values()) else 0


if __name__ == "__main__":
    sys.exit(audit(LIFECYCLES, datetime.now(UTC).date()))
