"""Logs: one JSON object a line, with the keys of the request that it belongs to.

The keys live in a context variable, so that requests which run side by side in threads never mix, and they end with
their request, so that nothing survives into the next one on a warm function. A line never holds a prompt, an answer,
a key, a token or an event, and an exception appears in it without its words, because those may quote any of them.
"""

import json
import logging
import os
import sys
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from copy import copy
from enum import StrEnum
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from pydantic_core import to_json

from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.once import Once
from nexus_ai.platform.settings import get_settings

SERVICE = "nexus-ai"
# Of the metrics, in CloudWatch.
NAMESPACE = "NexusAI"

# They write bodies and headers at DEBUG and URLs at INFO, whatever our own level is.
VERBOSE_LOGGERS = (
    "anthropic", "boto3", "botocore", "google_genai", "groq", "httpcore", "httpcore2", "httpx", "httpx2", "openai",
    "s3transfer", "urllib3",
)  # fmt: skip

# Which SDKs set their own level from when they are imported.
LEVELS_OF_SDKS = ("ANTHROPIC_LOG", "GROQ_LOG", "OPENAI_LOG")


def describe(error: BaseException) -> list[dict[str, Any]]:
    """The error and its causes, newest first: the class of each and the lines it passed, without its words."""
    described: list[dict[str, Any]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.extract_tb(current.__traceback__)
        described.append(
            {
                "type": f"{type(current).__module__}.{type(current).__qualname__}",
                "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
                **_fields(current),
            }
        )
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return described


def _fields(error: BaseException) -> dict[str, Any]:
    """Return what an error of AWS says of itself in codes and ids: those of net/ and aws/, and botocore's."""
    fields: dict[str, Any] = getattr(error, "log_fields", {})
    response: Any = getattr(error, "response", None)
    if not fields and _is_of_aws(response):
        metadata: dict[str, Any] = response["ResponseMetadata"]
        fields = {
            "aws_operation": getattr(error, "operation_name", None),
            "aws_code": response.get("Error", {}).get("Code"),
            "aws_request_id": metadata.get("RequestId"),
            "status": metadata.get("HTTPStatusCode"),
        }
    return {name: value for name, value in fields.items() if value is not None}


def _is_of_aws(response: object) -> bool:
    return isinstance(response, dict) and "ResponseMetadata" in response


class _Formatter(LambdaPowertoolsFormatter):
    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            # A copy: other handlers see the same record.
            record = copy(record)
            record.exc_info = None
            record.__dict__["errors"] = describe(error)
        return super().format(record)


class _Stdout(logging.Handler):
    """Writes to what sys.stdout is at that moment: the Lambda runtime and test runners put their own there."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:  # noqa: BLE001  (a log line may not fail a request; logging reports it in its own way)
            self.handleError(record)


def _make_logger() -> Logger:
    # Lambda gives its level to the root logger, and with it to every library.
    for name in ("", *VERBOSE_LOGGERS):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in LEVELS_OF_SDKS:
        os.environ.pop(name, None)
    return Logger(
        service=SERVICE,
        level=get_settings().log_level,
        logger_handler=_Stdout(),
        logger_formatter=_Formatter(
            # ASCII: a line stays one line, and no text is too odd to be written.
            json_serializer=partial(json.dumps, default=str, separators=(",", ":")),
            use_rfc3339=True,
            utc=True,
            serialize_stacktrace=False,
        ),
    )


logger = Once(_make_logger)


class Unit(StrEnum):
    """Of a metric, as CloudWatch names it."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    NONE = "None"


def metrics(
    values: Mapping[str, tuple[float, Unit]],
    *,
    dimensions: Mapping[str, str] | None = None,
    attributes: Mapping[str, str | int] | None = None,
) -> None:
    """Emit values to CloudWatch by a line in its embedded metric format: no call, and nobody waits for it.

    Every metric has the dimensions `service` and `stack`. `attributes` stand in the line for whoever reads or searches
    it, and make no metric of their own.
    """
    by = {"service": SERVICE, "stack": get_settings().stack, **(dimensions or {})}
    described = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(by)],
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
    }
    line = {
        **(attributes or {}),
        **_trace(),
        "_aws": {"Timestamp": SystemClock().now_ms(), "CloudWatchMetrics": [described]},
        **by,
        **{name: value for name, (value, _) in values.items()},
    }
    sys.stdout.write(to_json(line).decode() + "\n")
    sys.stdout.flush()


def _trace() -> dict[str, str]:
    """The trace of X-Ray that the invocation belongs to, under the name that log lines have it by."""
    root = os.environ.get("_X_AMZN_TRACE_ID", "").partition(";")[0].removeprefix("Root=")
    return {"xray_trace_id": root} if root else {}


@contextmanager
def request_keys(**keys: str | None) -> Generator[None]:
    """Lines written inside have these keys (those that are None aside) and no keys of an earlier request."""
    log = logger()
    log.thread_safe_clear_keys()
    add_keys(**keys)
    try:
        yield
    finally:
        log.thread_safe_clear_keys()


def add_keys(**keys: str | None) -> None:
    """The lines of this request have these keys too from here on."""
    logger().thread_safe_append_keys(**{name: value for name, value in keys.items() if value is not None})
