import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nexus_ai.net.aws_json import ServiceError
from nexus_ai.net.aws_transport import TransportError
from nexus_ai.net.concurrency import run_all
from nexus_ai.platform.observability import VERBOSE_LOGGERS, add_keys, describe, logger, request_keys
from nexus_ai.platform.settings import get_settings
from tests.unit.http.http_events import SETTINGS

CANARY = "sk-canary-8f14e45f"


@pytest.fixture(autouse=True)
def debugging(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    logger().setLevel(logging.DEBUG)
    root_level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(root_level)
    logger().setLevel(logging.INFO)
    get_settings.cache_clear()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_fifty_concurrent_requests_never_mix_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    together = threading.Barrier(50)

    def serve(number: int) -> None:
        with request_keys(request_id=f"request-{number}"):
            together.wait()
            add_keys(tenant_id=f"tenant-{number}")
            for step in range(5):
                logger().info("step", mine=number, step=step)
                # Log from threads of the step and from this one.
                run_all([lambda: logger().info("concurrent", mine=number)] * 2)
                together.wait()

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(serve, range(50)))

    written = lines(capsys)
    assert len(written) == 50 * 5 * 3
    for line in written:
        assert line["request_id"] == f"request-{line['mine']}"
        assert line["tenant_id"] == f"tenant-{line['mine']}"


def test_keys_do_not_survive_into_the_next_request(capsys: pytest.CaptureFixture[str]) -> None:
    with request_keys(request_id="first"):
        add_keys(tenant_id="acme")
    logger().info("between")
    with request_keys(request_id="second"):
        logger().info("next")

    between, following = lines(capsys)
    assert "request_id" not in between
    assert following["request_id"] == "second"
    assert "tenant_id" not in following


def test_keys_end_with_a_request_that_fails() -> None:
    with pytest.raises(KeyError), request_keys(request_id="first"):
        raise KeyError
    assert logger().thread_safe_get_current_keys() == {}


def test_keys_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with request_keys(request_id="first", gateway_request_id=None):
        logger().info("line")
    assert "gateway_request_id" not in lines(capsys)[0]


def fail_with_secrets() -> None:
    try:
        raise ValueError(f"prompt: {CANARY}")
    except ValueError as cause:
        error = RuntimeError(f"Authorization: {CANARY}")
        error.add_note(CANARY)
        raise error from cause


def test_exception_is_logged_with_stacks_and_without_messages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        fail_with_secrets()
    except RuntimeError:
        logger().exception("it failed")

    text = capsys.readouterr().out
    assert CANARY not in text
    errors = json.loads(text)["errors"]
    assert [error["type"] for error in errors] == ["builtins.RuntimeError", "builtins.ValueError"]
    assert errors[0]["stack"][-1].endswith("fail_with_secrets")


def test_cyclic_chain_of_causes_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert [error["type"] for error in describe(first)] == ["builtins.ValueError", "builtins.KeyError"]


def test_any_text_is_logged_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logger().info("two\nlines", odd="\ud800\u2028")
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("name", VERBOSE_LOGGERS)
def test_sdks_stay_quiet_at_debug_level(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger().debug("ours")
    logging.getLogger().setLevel(logging.DEBUG)
    assert not logging.getLogger(f"{name}.client").isEnabledFor(logging.INFO)
    assert lines(capsys)[0]["message"] == "ours"


@pytest.mark.parametrize(
    "sdk", [pytest.param(name, marks=pytest.mark.slow) for name in ("anthropic", "groq")] + ["openai"]
)
def test_no_environment_variable_makes_an_sdk_log(sdk: str) -> None:
    """Use a new process: an SDK reads its variable when it is imported."""
    program = f"""
import logging
from nexus_ai.platform.observability import logger
logger()
import {sdk}
assert logging.getLogger({sdk!r}).getEffectiveLevel() == logging.WARNING
assert logging.getLogger({sdk!r} + "._base_client").getEffectiveLevel() == logging.WARNING
"""
    environment = os.environ | SETTINGS | {f"{sdk.upper()}_LOG": "debug", "PYTHONPATH": "layers/common"}
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_lambda_keeps_every_line_and_metric_of_the_level(level: str) -> None:
    """Run the logger in a new process with the level where Lambda sets it; a warning is an error there."""
    program = f"""
import logging, sys
# As Lambda's runtime does before it loads a function.
logging.basicConfig(level="{level}", stream=sys.stdout)
from nexus_ai.platform.observability import Unit, logger, metrics
logger().debug("detail")
logger().info("event")
logging.getLogger("a_library").debug("words of a library")
metrics({{"Requests": (1, Unit.COUNT)}})
"""
    environment = os.environ | SETTINGS | {"LOG_LEVEL": level, "AWS_LAMBDA_LOG_LEVEL": level}
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment | {"PYTHONPATH": "layers/common"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (finished.returncode, finished.stderr) == (0, "")
    written = [json.loads(line) for line in finished.stdout.splitlines()]
    kept = [line for line in written if passes_lambda(line, level)]
    assert kept == written
    expected = {"DEBUG": ["detail", "event", None], "INFO": ["event", None]}
    assert [line.get("message") for line in written] == expected[level]
    assert written[-1]["Requests"] == 1


def passes_lambda(line: dict[str, Any], level: str) -> bool:
    """Return True if Lambda keeps a line: one without a level or an RFC 3339 timestamp counts as INFO.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    levels = logging.getLevelNamesMapping()
    stamped = "timestamp" in line and datetime.fromisoformat(line["timestamp"]).tzinfo is not None
    return levels[line["level"] if "level" in line and stamped else "INFO"] >= levels[level]


def test_aws_error_is_logged_with_codes_and_without_its_message() -> None:
    document = {"__type": "com.amazonaws.dynamodb#ThrottlingException", "message": CANARY}
    refused = ServiceError("GetItem", 400, document, "R1")
    lost = TransportError("Timeout was reached", sent=True, status=503, request_id="R2")
    boto_error = ClientError(
        {
            "Error": {"Code": "SlowDown", "Message": CANARY},
            "ResponseMetadata": {"RequestId": "R3", "HTTPStatusCode": 503},  # type: ignore[typeddict-item]
        },
        "PutObject",
    )
    found = [describe(error)[0] for error in (refused, lost, boto_error)]

    assert [{name: value for name, value in each.items() if name not in {"type", "stack"}} for each in found] == [
        {"aws_operation": "GetItem", "aws_code": "ThrottlingException", "aws_request_id": "R1", "status": 400},
        {"reason": "Timeout was reached", "sent": True, "status": 503, "aws_request_id": "R2"},
        {"aws_operation": "PutObject", "aws_code": "SlowDown", "aws_request_id": "R3", "status": 503},
    ]
    assert CANARY not in json.dumps(found)
