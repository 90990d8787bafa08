"""Test that `make smoke`, run in its own processes and interrupted by Ctrl-C, restores the tenant."""

import os
import signal
import subprocess
from typing import Any

import httpx2
import pytest

from local.template import ROOT
from tests.e2e.make_run import command_environment, running

WAITING_LINE = "until the settings take effect"
SETTINGS = ("configs", "preferences", "fallback-config", "rate-limits")


def settings(client: httpx2.Client) -> list[Any]:
    found = [client.get(f"/api/marketing/ai/{path}").json() for path in SETTINGS]
    found[-1].pop("windows")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_make_smoke_leaves_the_tenant_as_it_was(number: signal.Signals) -> None:
    with running() as stack, httpx2.Client(base_url=stack.url, trust_env=False, timeout=30) as client:
        wanted = {"tenantId": "smoke-tests", "userId": "smoke", "roles": ["admin"]}
        token = client.post("/local/token", json=wanted).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.delete("/api/marketing/ai/configs/openai").status_code == 200
        before = settings(client)
        variables = {"NEXUS_TOKEN": token, "SMOKE_PROVIDER": "openai", "SMOKE_PROVIDER_KEY": "sk-of-a-test"}
        process = subprocess.Popen(
            ["make", "smoke", f"URL={stack.url}"],
            cwd=ROOT,
            env=command_environment(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A terminal sends Ctrl-C to a whole process group.
            start_new_session=True,
        )
        assert process.stderr is not None
        assert any(WAITING_LINE in line for line in process.stderr)
        changed = settings(client)

        if number is signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        out, _ = process.communicate(timeout=30)

        assert changed != before
        assert settings(client) == before, out
        assert process.returncode != 0
        assert "interrupted" in out
        assert "settings restored  ok" in out
