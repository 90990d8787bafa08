"""Test the failure kind of each status, and the wait that a provider requests."""

from datetime import UTC, datetime

import pytest

from nexus_ai.providers.base import FailureKind
from nexus_ai.providers.status import kind_of, retry_after

NOW = datetime(2026, 2, 28, 23, 59, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, FailureKind.REDIRECT),
        (308, FailureKind.REDIRECT),
        (400, FailureKind.BAD_REQUEST),
        (409, FailureKind.BAD_REQUEST),
        (410, FailureKind.MODEL_NOT_FOUND),
        (451, FailureKind.BAD_REQUEST),
        (498, FailureKind.RATE_LIMITED),
        (500, FailureKind.SERVER_ERROR),
        (502, FailureKind.SERVER_ERROR),
        (503, FailureKind.UNAVAILABLE),
        (504, FailureKind.SERVER_ERROR),
        (524, FailureKind.SERVER_ERROR),
        (529, FailureKind.OVERLOADED),
    ],
)
def test_status_has_its_failure_kind(status: int, kind: FailureKind) -> None:
    assert kind_of(status) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "Sun, 01 Mar 2026 00:00:00 GMT"}, 30),
        ({"retry-after": "Sat, 28 Feb 2026 23:00:00 GMT"}, 0),  # in the past
        ({"retry-after": "Sun, 01 Mar 2026 00:00:00"}, 30),
        ({"retry-after": "9", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "9", "retry-after-ms": "soon"}, 9),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after_is_seconds_milliseconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds
