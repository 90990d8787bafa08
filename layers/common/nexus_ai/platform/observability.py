"""Log JSON lines with the keys of their request, and emit metrics.

The keys are in a context variable, so concurrent requests in threads do not mix them. They are cleared at the end of
each request, so a warm function does not carry them over. A line never holds a prompt, a completion, a key, a token or
an event. Exceptions are logged without their messages, which may quote any of these.
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
# CloudWatch namespace of the metrics.
NAMESPACE = "NexusAI"

# These libraries log bodies and headers at DEBUG, and URLs at INFO. They stay at WARNING even if our level is DEBUG.
VERBOSE_LOGGERS = (
    "anthropic", "boto3", "botocore", "google_genai", "groq", "httpcore", "httpcore2", "httpx", "httpx2", "openai",
    "s3transfer", "urllib3",
)  # fmt: skip

# Variables from which SDKs set their log level when they are imported. They are removed.
SDK_LOG_LEVEL_VARIABLES = ("ANTHROPIC_LOG", "GROQ_LOG", "OPENAI_LOG")


def describe(error: BaseException) -> list[dict[str, Any]]:
    """Return the class and the stack of an error and of its causes, the newest first, without their messages."""
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
                **_aws_fields(current),
            }
        )
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return described


def _aws_fields(error: BaseException) -> dict[str, Any]:
    """Return the codes and ids of an AWS error, from net/, aws/ or botocore; empty for other errors."""
    fields: dict[str, Any] = getattr(error, "log_fields", {})
    response: Any = getattr(error, "response", None)
    if not fields and _is_aws_response(response):
        metadata: dict[str, Any] = response["ResponseMetadata"]
        fields = {
            "aws_operation": getattr(error, "operation_name", None),
            "aws_code": response.get("Error", {}).get("Code"),
            "aws_request_id": metadata.get("RequestId"),
            "status": metadata.get("HTTPStatusCode"),
        }
    return {name: value for name, value in fields.items() if value is not None}


def _is_aws_response(response: object) -> bool:
    return isinstance(response, dict) and "ResponseMetadata" in response


class _Formatter(LambdaPowertoolsFormatter):
    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            # Copy the record, because other handlers get the same one.
            record = copy(record)
            record.exc_info = None
            record.__dict__["errors"] = describe(error)
        return super().format(record)


class _Stdout(logging.Handler):
    """Handler that looks up sys.stdout at each line, because the Lambda runtime and test runners replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:  # noqa: BLE001  (a log line must not fail a request; logging reports the error itself)
            self.handleError(record)


def _make_logger() -> Logger:
    # Lambda sets its own level on the root logger, and every library would inherit it.
    for name in ("", *VERBOSE_LOGGERS):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in SDK_LOG_LEVEL_VARIABLES:
        os.environ.pop(name, None)
    return Logger(
        service=SERVICE,
        level=get_settings().log_level,
        logger_handler=_Stdout(),
        logger_formatter=_Formatter(
            # ASCII output keeps each entry on one line and can encode every text.
            json_serializer=partial(json.dumps, default=str, separators=(",", ":")),
            use_rfc3339=True,
            utc=True,
            serialize_stacktrace=False,
        ),
    )


logger = Once(_make_logger)


class Unit(StrEnum):
    """Unit of a metric, by its name in CloudWatch."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    NONE = "None"


def metrics(
    values: Mapping[str, tuple[float, Unit]],
    *,
    dimensions: Mapping[str, str] | None = None,
    attributes: Mapping[str, str | int] | None = None,
) -> None:
    """Emit metrics to CloudWatch as one log line in its embedded metric format, without a call to AWS.

    Args:
        values: Value and unit of each metric.
        dimensions: Further dimensions, besides `service` and `stack`.
        attributes: Further fields of the line, to read and search. They create no metrics.
    """
    all_dimensions = {"service": SERVICE, "stack": get_settings().stack, **(dimensions or {})}
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(all_dimensions)],
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
    }
    line = {
        **(attributes or {}),
        **_trace(),
        "_aws": {"Timestamp": SystemClock().now_ms(), "CloudWatchMetrics": [definition]},
        **all_dimensions,
        **{name: value for name, (value, _) in values.items()},
    }
    sys.stdout.write(to_json(line).decode() + "\n")
    sys.stdout.flush()


def _trace() -> dict[str, str]:
    """Return the X-Ray trace id of the invocation, under the same name as in log lines; empty without a trace."""
    root = os.environ.get("_X_AMZN_TRACE_ID", "").partition(";")[0].removeprefix("Root=")
    return {"xray_trace_id": root} if root else {}


@contextmanager
def request_keys(**keys: str | None) -> Generator[None]:
    """Give the log lines written inside these keys, and no keys of an earlier request. None values are left out."""
    log = logger()
    log.thread_safe_clear_keys()
    add_keys(**keys)
    try:
        yield
    finally:
        log.thread_safe_clear_keys()


def add_keys(**keys: str | None) -> None:
    """Add keys to the further log lines of this request. None values are left out."""
    logger().thread_safe_append_keys(**{name: value for name, value in keys.items() if value is not None})
