"""Run the smoke test in this process against the local stack, without its pauses, and capture its output."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from local.environment import environment
from local.stack import LocalStack
from ops.smoke import report
from ops.smoke.__main__ import main
from ops.smoke.interruption import Interruption
from tests.integration.support.http_client import GENERATE_COPY, ask

KEY = "sk-smoke-key-of-a-test"
USER = "smoke-user"
# Parts of the limits' response that show their use and no settings.
OF_THE_MOMENT = {"windows", "alerts"}


@dataclass(frozen=True, slots=True)
class RunResult:
    """Exit status and output of a run."""

    status: int
    out: str
    err: str

    @property
    def results(self) -> dict[str, str]:
        """Return the results in the table by the names of the checks."""
        cells = [re.split(r" {2,}", line, maxsplit=3) for line in self.out.splitlines()[1:]]
        return {check: result for check, result, _, _ in cells}

    @property
    def failed(self) -> set[str]:
        return {check for check, result in self.results.items() if result == "FAILED"}

    def detail(self, check: str) -> str:
        (line,) = (line for line in self.out.splitlines() if line.startswith(f"{check}  "))
        return re.split(r" {2,}", line, maxsplit=3)[3]


class Smoke:
    """Smoke test of one tenant."""

    def __init__(self, stack: LocalStack, tenant: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.stack = stack
        self.tenant = tenant
        self.token = stack.stranger_token(tenant, USER, ["admin"])
        self._capsys = capsys

    def run(self, **variables: str | None) -> RunResult:
        """Run with these environment variables and the required ones."""
        needed = {"NEXUS_TOKEN": self.token, "SMOKE_PROVIDER": "openai", "SMOKE_PROVIDER_KEY": KEY}
        optional = {"SMOKE_MODEL": None, "SMOKE_MAIL_TO": None}
        chosen = {**optional, **needed, **variables}
        self._capsys.readouterr()
        with environment(chosen):
            status = main(["--url", self.stack.url])
        out, err = self._capsys.readouterr()
        result = RunResult(status, _table(out), err)
        secrets = [secret for secret in (chosen["NEXUS_TOKEN"], chosen["SMOKE_PROVIDER_KEY"]) if secret]
        assert not any(secret in out + err for secret in secrets)
        return result

    def get(self, path: str) -> dict[str, Any]:
        return ask(self.stack.url, "GET", f"/api/marketing/ai/{path}", token=self.token).body

    def put(self, path: str, body: object) -> None:
        reply = ask(self.stack.url, "PUT", f"/api/marketing/ai/{path}", token=self.token, body=body)
        assert reply.status == 200, reply.body

    def copy(self, provider: str) -> str:
        """Request copy for the marketing module as the user of the token; return the record's id."""
        reply = ask(
            self.stack.url, "POST", GENERATE_COPY, token=self.token, body={"provider": provider, "prompt": "A facial"}
        )
        assert reply.status == 200, reply.body
        return str(reply.body["requestId"])

    def settings(self) -> dict[str, Any]:
        """Return everything that an admin can set."""
        limits = {name: value for name, value in self.get("rate-limits").items() if name not in OF_THE_MOMENT}
        others = {path: self.get(path) for path in ("configs", "preferences", "fallback-config")}
        return {"rate-limits": limits, **others}


def _table(out: str) -> str:
    """Return the table that a run printed, without the log lines of the functions, which share the output."""
    lines = out.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("check  ")]
    return "\n".join(line for line in lines[heads[0] :] if not line.startswith("{")) if heads else ""


def at_each_pause(monkeypatch: pytest.MonkeyPatch, happens: Callable[[Interruption], object]) -> None:
    """Call `happens` in place of each pause of a run."""

    def wait(interruption: Interruption, _seconds: float) -> None:
        interruption.check()
        happens(interruption)
        interruption.check()

    monkeypatch.setattr(Interruption, "wait", wait)


def before_check(monkeypatch: pytest.MonkeyPatch, check: str, happens: Callable[[], object]) -> None:
    """Call `happens` just before a check begins."""

    def progress(text: str) -> None:
        if text == check:
            happens()

    monkeypatch.setattr(report, "progress", progress)
