"""The changes that a run makes to its tenant, and their undoing.

How to undo a change is written down before the change is sent, so that an interruption between the two loses nothing.
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

# A change without a response may still be carried out for as long as API Gateway lets a request run.
LATE_S = 30
TRIES = 3
PAUSE_S = 2
# What says how the limits are used, beside what an administrator sets.
OF_THE_MOMENT = {"windows", "alerts"}


class Undo(NamedTuple):
    """A request that undoes a change. The change may not be there: 404 is as good as 200."""

    method: str
    path: str
    body: Mapping[str, Any] | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f" {json.dumps(self.body)}" if self.body is not None else "")


class Changes:
    def __init__(self, api: Api, interruption: Interruption) -> None:
        self._api = api
        self._interruption = interruption
        self._undos: list[Undo] = []
        self._settled_at = 0.0

    def put(self, path: str, body: Mapping[str, Any], undo: Undo) -> Reply:
        """Make a change that `restore` undoes."""
        if undo not in self._undos:
            self._undos.append(undo)
            progress(f"  a change, undone at the end by {undo}")
        try:
            return self._api.send("PUT", path, body)
        except NoResponse:
            self._settled_at = monotonic() + LATE_S
            raise

    def restore(self) -> None:
        """Undo all changes, the last one first. Raises CheckFailed that names what could not be undone."""
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
        """Undo a change before the others, if it was made. Raises CheckFailed; `restore` tries it again then."""
        if undo not in self._undos:
            return
        fault = self._undone(undo)
        if fault:
            raise CheckFailed(f"not undone: {undo} ({fault})")
        self._undos.remove(undo)

    def _undone(self, undo: Undo) -> str | None:
        """Return why a change could not be undone, None if it was."""
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
    """Compare all settings with those before the run. Raises CheckFailed that names what differs."""
    configs = api.get(CONFIGS).expect(200).read(ProviderConfigs)
    limits = api.get(RATE_LIMITS).expect(200).json()
    pairs = {
        "provider configs": (list(before.providers), [config.provider for config in configs.items]),
        "preferences": (before.preferences, api.get(PREFERENCES).expect(200).json()),
        "fallback order": (before.fallback, api.get(FALLBACK).expect(200).json()),
        **{name: (value, limits.get(name)) for name, value in before.rate_limits.items() if name not in OF_THE_MOMENT},
    }
    wrong = [
        f"{name} was {json.dumps(was)} and is {json.dumps(now)}" for name, (was, now) in pairs.items() if was != now
    ]
    if wrong:
        raise CheckFailed("; ".join(wrong))
    return "provider config deleted; limits, alerts, preferences and fallback order as before"
