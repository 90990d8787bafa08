"""Test `make run` from outside: the printed command works, signals end it, and two stacks run side by side."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from local.dev.demo import PROVIDERS
from local.template import ROOT
from nexus_ai.providers.base import ProviderName
from tests.dynamodb_local import dynamodb_local
from tests.e2e.make_run import Run, command_environment, running

# Less than the deadline of a call, so the stack does not wait for the call in flight.
SHUTDOWN_S = 15
LISTENING = "0A"
LOCALHOST = "0100007F"


@pytest.fixture(scope="module")
def run() -> Generator[Run]:
    with running() as started:
        yield started


def paste(line: str) -> dict[str, Any]:
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    response: dict[str, Any] = json.loads(done.stdout)
    return response


def test_printed_command_gives_copy_and_then_a_cache_hit(run: Run) -> None:
    first, second = paste(run.curl), paste(run.curl)
    assert first["data"]
    model = PROVIDERS[ProviderName.OPENAI].model
    assert (first["provider"], first["model"], first["cached"]) == ("openai", model, False)
    assert first["usage"]["costUsd"] > 0
    assert (second["data"], second["cached"]) == (first["data"], True)


@pytest.mark.slow
@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_each_provider_works_for_a_new_tenant(run: Run, provider: str) -> None:
    wanted = {"tenantId": f"new-{provider}", "userId": "ana", "roles": ["user"]}
    token = httpx.post(f"{run.url}/local/token", json=wanted, trust_env=False).json()["token"]
    response = httpx.post(
        f"{run.url}/api/marketing/ai-assistant/generate-copy-v2",
        json={"provider": provider, "prompt": "Café especial"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    )
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["provider"], body["fallback"]["used"]) == (provider, False)


def test_export_link_returns_its_records(run: Run) -> None:
    response = paste(run.curl)
    token = re.search(r"Bearer ([^']+)", run.curl)
    assert token
    audit_logs = f"{run.url}/api/marketing/ai/audit-logs"
    with httpx.Client(headers={"Authorization": f"Bearer {token[1]}"}, timeout=30, trust_env=False) as client:
        started = client.post(f"{audit_logs}/export", json={"from": "2026-01-01T00:00:00Z", "content": True})
        assert started.status_code == 202, started.text
        deadline = time.monotonic() + 20
        while (job := client.get(f"{audit_logs}/jobs/{started.json()['id']}").json())["status"] != "done":
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
    (file,) = job["files"]
    lines = httpx.get(file["url"], trust_env=False).text.splitlines()
    assert response["requestId"] in [json.loads(line)["id"] for line in lines]


def test_stack_listens_on_localhost_only_and_starts_no_child(run: Run) -> None:
    pid = run.process.pid
    sockets = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    listeners = [
        fields[1].split(":")[0]
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:])
        if fields[3] == LISTENING and f"socket:[{fields[9]}]" in sockets
    ]
    assert listeners
    assert set(listeners) == {LOCALHOST}
    assert all(not task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children"))


@pytest.mark.slow
def test_two_stacks_share_nothing(run: Run) -> None:
    with running() as other:
        assert other.url != run.url
        token = re.search(r"Bearer ([^']+)", run.curl)
        assert token is not None
        headers = {"Authorization": f"Bearer {token.group(1)}"}
        path = "/api/marketing/ai-assistant/generate-copy-v2"
        foreign = httpx.post(f"{other.url}{path}", json={}, headers=headers, trust_env=False)
        assert foreign.status_code == 401
        assert paste(other.curl)["cached"] is False


@pytest.mark.slow
def test_external_aws_is_used_for_the_services_it_has() -> None:
    """DynamoDB Local has tables but no keys, e-mails or objects: the embedded AWS serves those."""
    with dynamodb_local() as url, running(AWS_ENDPOINT_URL=url) as run:
        assert f"AWS       dynamodb at {url}" in run.lines
        assert [paste(run.curl)["cached"], paste(run.curl)["cached"]] == [False, True]


def test_occupied_port_is_reported_in_one_line(run: Run) -> None:
    port = run.url.rpartition(":")[2]
    command = [sys.executable, "-m", "local"]
    environment = command_environment({"PORT": port})
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"make run: port {port} is in use: choose another one with PORT=...\n"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PORT", "x", "PORT=x is not a port number"),
        ("PORT", "65536", "PORT=65536 is not a port number"),
        ("PORT", "-1", "PORT=-1 is not a port number"),
        ("LOG_LEVEL", "WARNING", "LogLevel=WARNING is not one of DEBUG, INFO"),
    ],
)
def test_invalid_variable_is_reported_in_one_line(variable: str, value: str, message: str) -> None:
    command = [sys.executable, "-m", "local"]
    environment = command_environment({variable: value})
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"make run: {message}\n"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_stack_with_a_call_in_flight(number: signal.Signals) -> None:
    with ExitStack() as opened:
        provider = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        silent = f"http://127.0.0.1:{provider.getsockname()[1]}/v1"
        run = opened.enter_context(running(OPENAI_BASE_URL=silent))
        call = Thread(target=subprocess.run, args=(["/bin/sh", "-c", run.curl],), kwargs={"capture_output": True})
        call.start()
        provider.settimeout(30)
        opened.enter_context(provider.accept()[0])
        run.process.send_signal(number)
        assert run.process.wait(timeout=SHUTDOWN_S) == 0
        call.join()
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", int(run.url.rpartition(":")[2])))
