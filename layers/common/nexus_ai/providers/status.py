"""Classify HTTP statuses in the same way for all providers, and read how long to wait before a retry."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

from nexus_ai.providers.base import FailureKind, ProviderFailure

_KINDS: Mapping[int, FailureKind] = MappingProxyType(
    {
        400: FailureKind.BAD_REQUEST,
        401: FailureKind.INVALID_KEY,
        402: FailureKind.NO_CREDIT,
        403: FailureKind.NO_PERMISSION,
        404: FailureKind.MODEL_NOT_FOUND,
        408: FailureKind.REQUEST_TIMEOUT,
        # The provider does not serve the model at this URL, or has stopped serving it.
        405: FailureKind.MODEL_NOT_FOUND,
        410: FailureKind.MODEL_NOT_FOUND,
        413: FailureKind.CONTEXT_TOO_LONG,
        422: FailureKind.UNPROCESSABLE,
        429: FailureKind.RATE_LIMITED,
        # Groq's "flex capacity exceeded".
        498: FailureKind.RATE_LIMITED,
        503: FailureKind.UNAVAILABLE,
        529: FailureKind.OVERLOADED,
    }
)


def kind_of(status: int) -> FailureKind:
    """Return the kind of failure for a status outside 200 to 299."""
    if status in _KINDS:
        return _KINDS[status]
    if status >= 500:
        return FailureKind.SERVER_ERROR
    return FailureKind.BAD_REQUEST if status >= 400 else FailureKind.REDIRECT


def failure_of(response: Any, kind: FailureKind | None = None, retry_after_s: float | None = None) -> ProviderFailure:
    """Return the failure for an httpx response with an error status.

    Args:
        response: The response.
        kind: Kind that the provider's error code says, if it is more specific than the status.
        retry_after_s: Seconds to wait according to the body. A header takes precedence.
    """
    status: int = response.status_code
    header_s = retry_after(response.headers, datetime.now(UTC))
    return ProviderFailure(
        kind or kind_of(status), status=status, retry_after_s=retry_after_s if header_s is None else header_s
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds to wait, or None if the response does not say.

    Reads OpenAI's retry-after-ms, or Retry-After in seconds or as a date (RFC 9110, section 10.2.3).
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
