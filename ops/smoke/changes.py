"""Change the tenant's settings during a run, and undo the changes.

Each undo is noted before its change is sent, so that an interruption between the two loses nothing.
"""

import json
from collections.abc import Mapping
from time import monotonic
from typing import Any, NamedTuple

from ops.smoke.api import CONFIGS, FALLBACK, PREFERENCES, RATE_LIMITS, Api, NoResponse, Reply
from ops.smoke.interruption import Interruption
from ops.smoke.outcomes import CheckFailed
from ops.smoke.report import progress
from ops.smoke.responses import ProviderConfigs
from ops.smoke.tenant import Tenant

# A change without a response may still be carried out until API Gateway's timeout ends the request.
LATE_S = 30
TRIES = 3
PAUSE_S = 2
# Fields that report current usage; an administrator does not set them.
USAGE_FIELDS = {"windows", "alerts"}


class Undo(NamedTuple):
    """Request that undoes a change. 404 counts as success, because the change may not exist."""

    method: str
    path: str
    body: Mapping[str, Any] | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f" {json.dumps(self.body)}" if self.body is not None else "")


class Changes:
    """Changes of a run that have to be undone."""

    def __init__(self, api: Api, interruption: Interruption) -> None:
        self._api = api
        self._interruption = interruption
        self._undos: list[Undo] = []
        self._settled_at = 0.0

    def put(self, path: str, body: Mapping[str, Any], undo: Undo) -> Reply:
        """Make a change that `restore` undoes."""
        if undo not in self._undos:
            self._undos.append(undo)
            progress(f"  changing a setting; {undo} restores it at the end")
        try:
            return self._api.send("PUT", path, body)
        except NoResponse:
            self._settled_at = monotonic() + LATE_S
            raise

    def restore(self) -> None:
        """Undo all changes, the last one first.

        Raises:
            CheckFailed: A change could not be undone; the message names it.
        """
        self._interruption.wait(self._settled_at - monotonic())
        faults: list[str] = []
        for undo in reversed(self._undos.copy()):
            try:
                self.restore_one(undo)
            except CheckFailed as fault:
                faults.append(str(fault))
        if faults:
            raise CheckFailed("; ".join(faults))

    def restore_one(self, undo: Undo) -> None:
        """Undo one change now, if it was made.

        Raises:
            CheckFailed: The change could not be undone. `restore` tries again.
        """
        if undo not in self._undos:
            return
        fault = self._undone(undo)
        if fault:
            raise CheckFailed(f"not undone: {undo} ({fault})")
        self._undos.remove(undo)

    def _undone(self, undo: Undo) -> str | None:
        """Undo a change, and return the reason if it fails; None if it succeeds."""
        fault = ""
        for attempt in range(TRIES):
            if attempt:
                self._interruption.wait(PAUSE_S)
            try:
                self._api.send(undo.method, undo.path, undo.body).expect(200, 404)
            except CheckFailed as failed:
                fault = str(failed)
            else:
                return None
        return fault


def require_restored(api: Api, before: Tenant) -> str:
    """Compare all settings with those before the run, and return the detail of the check.

    Raises:
        CheckFailed: A setting differs; the message names it.
    """
    configs = api.get(CONFIGS).expect(200).read(ProviderConfigs)
    limits = api.get(RATE_LIMITS).expect(200).json()
    pairs = {
        "provider configs": (list(before.providers), [config.provider for config in configs.items]),
        "preferences": (before.preferences, api.get(PREFERENCES).expect(200).json()),
        "fallback order": (before.fallback, api.get(FALLBACK).expect(200).json()),
        **{name: (value, limits.get(name)) for name, value in before.rate_limits.items() if name not in USAGE_FIELDS},
    }
    wrong = [
        f"{name} was {json.dumps(was)} and is {json.dumps(now)}" for name, (was, now) in pairs.items() if was != now
    ]
    if wrong:
        raise CheckFailed("; ".join(wrong))
    return "provider config deleted; limits, alerts, preferences and fallback order as before"
