"""Check that the models which this repository uses do not retire soon.

    python -m ops.retirements

Prints one line for each model of local/dev/default_models.py. The exit status is 1 if one has a problem.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from local.dev.default_models import LIFECYCLES, Lifecycle
from nexus_ai.providers.base import ProviderName

LEAST_AHEAD: Final = timedelta(days=90)
# 60 days is the shortest notice that a provider promises (Anthropic). Older evidence could miss an announcement and
# the retirement itself.
OLDEST_EVIDENCE: Final = timedelta(days=60)


def problem(lifecycle: Lifecycle, today: date) -> str | None:
    """Return the problem of a model's lifecycle on a day; None if there is none."""
    if lifecycle.retires_on is not None and lifecycle.retires_on - today < LEAST_AHEAD:
        return f"choose a successor: {(lifecycle.retires_on - today).days} days are left, {LEAST_AHEAD.days} are needed"
    if today - lifecycle.checked_on > OLDEST_EVIDENCE:
        return f"check again: the evidence is {(today - lifecycle.checked_on).days} days old"
    return None


def line(provider: ProviderName, model: str, lifecycle: Lifecycle, today: date) -> str:
    """Return the printed line for a model."""
    found = problem(lifecycle, today)
    end = f"until {lifecycle.retires_on}" if lifecycle.retires_on else "no end announced"
    text = f"{'FAILED' if found else 'ok':<6}  {provider:<10}  {model:<28}  {end:<16}"
    text += f"  checked {lifecycle.checked_on} at {lifecycle.source}"
    return f"{text}  {found}" if found else text


def audit(lifecycles: Mapping[tuple[ProviderName, str], Lifecycle], today: date) -> int:
    """Print one line per model, and return the exit status."""
    for (provider, model), lifecycle in lifecycles.items():
        print(line(provider, model, lifecycle, today))
    return 1 if any(problem(lifecycle, today) for lifecycle in lifecycles.values()) else 0


if __name__ == "__main__":
    sys.exit(audit(LIFECYCLES, datetime.now(UTC).date()))
