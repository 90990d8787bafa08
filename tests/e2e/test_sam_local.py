"""Test `sam local`, which runs the built functions in containers: what `make test-sam` does with a Docker engine.

The commands are those of `make invoke` and `make start-api`, the events those of events/, and the expected responses
those of docs/local-stack.md.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from local.emulator.server import free_port
from local.template import ROOT
from tests.answered_events import Answered, answered_events, summarize_response
from tests.e2e.make_run import Run, command_environment, running
from tests.integration.support.http_client import GENERATE_COPY, Reply, ask
from tests.integration.support.pipeline import mid_hour_time_zone

RATE_LIMITS = "/api/marketing/ai/rate-limits"
USAGE_TODAY = "/api/marketing/ai/usage-stats?period=today"
# SAM builds an image with the layer and starts a container, which takes long on slow machines.
START_S = 180

pytestmark = pytest.mark.built


@pytest.fixture(scope="module")
def run() -> Generator[Run]:
    with running() as stack:
        yield stack


@pytest.fixture(scope="module")
def environment(run: Run, pytestconfig: pytest.Config) -> dict[str, str]:
    """Return the environment of `make invoke` and `make start-api`."""
    built: Path | None = pytestconfig.getoption("--built")
    assert built, "run `make test-sam`: it builds and passes --built"
    own = {"BUILT": str(built), "PORT": str(urlsplit(run.url).port), "AWS_ACCESS_KEY_ID": "local"}
    return command_environment({**own, "AWS_SECRET_ACCESS_KEY": "local", "SAM_CLI_TELEMETRY": "0"})


# A function's first request waits for its container.
ask_api = partial(ask, timeout_s=START_S)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "local.dev.sam", *arguments]


@pytest.mark.parametrize("function", answered_events(), ids=lambda function: function.event)
def test_event_has_its_expected_response_in_a_container(function: Answered, environment: dict[str, str]) -> None:
    invoke = command("invoke", function.logical_id, "--event", f"events/{function.event}.json")

    ended = subprocess.run(
        invoke, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=START_S
    )

    assert ended.stdout, ended.stderr
    assert summarize_response(json.loads(ended.stdout)) == function.answer, ended.stderr


@contextmanager
def started_api(environment: dict[str, str]) -> Generator[str]:
    port = free_port()
    process = subprocess.Popen(
        command("start-api", "--port", str(port), "--warm-containers", "LAZY"),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield url
    finally:
        # Like Ctrl-C, so that SAM removes its containers.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(START_S)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            ask_api(url, "GET", "/api/health")
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="module")
def api(environment: dict[str, str]) -> Generator[str]:
    with started_api(environment) as url:
        yield url


def token(run: Run, tenant: str, *roles: str) -> str:
    body = {"tenantId": tenant, "userId": "ana", "roles": list(roles)}
    return str(ask(run.url, "POST", "/local/token", body=body).body["token"])


def write_copy(api: str, bearer: str | None) -> Reply:
    return ask_api(api, "POST", GENERATE_COPY, token=bearer, body={"prompt": f"Café {uuid4()}"})


def test_generated_copy_is_counted(run: Run, api: str, tenant: str) -> None:
    bearer = token(run, tenant, "user")

    reply = write_copy(api, bearer)

    assert (reply.status, reply.body["provider"]) == (200, "openai")
    totals = ask_api(api, "GET", USAGE_TODAY, token=bearer).body["totals"]
    assert (totals["requests"], totals["inputTokens"]) == (1, reply.body["usage"]["inputTokens"])


def test_missing_or_wrong_token_reaches_no_function(run: Run, api: str, tenant: str) -> None:
    wrong = f"{token(run, tenant, 'user')[:-8]}AAAAAAAA"

    assert write_copy(api, None).status == 401
    # `sam local` sends its own response if a policy denies; API Gateway sends the 401 of template.yaml.
    assert write_copy(api, wrong).status == 403
    right = token(run, tenant, "user")
    assert ask_api(api, "GET", USAGE_TODAY, token=right).body["totals"]["requests"] == 0


def test_reached_limit_is_429(run: Run, api: str, tenant: str) -> None:
    admin = token(run, tenant, "admin")
    limits = {"requestsPerHour": 1, "timeZone": mid_hour_time_zone()}
    assert ask_api(api, "PUT", RATE_LIMITS, token=admin, body=limits).status == 200

    assert write_copy(api, admin).status == 200
    refused = write_copy(api, admin)

    assert (refused.status, refused.body["code"]) == (429, "limit_exceeded")
    assert refused.body["limit"] == "requestsPerHour"
    assert int(refused.headers["Retry-After"]) >= 1
