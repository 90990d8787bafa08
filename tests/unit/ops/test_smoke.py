"""Test the parts of `make smoke`: its options, its comparisons, and how it waits and restores settings."""

import json
import os
import signal
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import httpx2
import jwt
import pytest

from nexus_ai.providers.base import ProviderName
from ops.deployment import Deployment
from ops.smoke import changes
from ops.smoke.api import Api, NoResponse, Reply
from ops.smoke.changes import Changes, Undo
from ops.smoke.interruption import Interruption
from ops.smoke.ledger import Call, Sums, differences, expected
from ops.smoke.limit_checks import LimitChecks
from ops.smoke.options import Options, read_options
from ops.smoke.outcomes import CheckFailed, Interrupted, Refused
from ops.smoke.responses import Record, Usage, UsageStats
from ops.smoke.run import Run
from ops.smoke.tenant import Tenant

KEY = "sk-of-the-provider"
URL = "https://ai.crm.example.com"


def token(lifetime_s: int = 3600) -> str:
    return jwt.encode({"exp": int(time.time()) + lifetime_s}, "k" * 32)


def environment(**variables: str) -> Mapping[str, str]:
    needed = {"NEXUS_TOKEN": token(), "SMOKE_PROVIDER": "groq", "SMOKE_PROVIDER_KEY": KEY}
    return needed | variables


def test_run_with_mail_needs_a_longer_lived_token() -> None:
    variables = environment(NEXUS_TOKEN=token(600))
    assert read_options(["--url", URL], variables).mail_to is None
    with pytest.raises(Refused, match="a run may take 1200"):
        read_options(["--url", URL], {**variables, "SMOKE_MAIL_TO": "smoke@clinic.example"})


@pytest.mark.parametrize("url", ["http://ai.crm.example.com", "http://10.0.0.1:3000", "ftp://127.0.0.1", "crm", ""])
def test_secrets_are_not_sent_unencrypted(url: str) -> None:
    with pytest.raises(Refused, match="URL must"):
        read_options(["--url", url or "-"], environment())


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000/", "http://localhost:3000", f"{URL}/prod/"])
def test_loopback_and_https_urls_are_accepted(url: str) -> None:
    assert read_options(["--url", url], environment()).url == url.rstrip("/")


def test_options_and_masked_texts_show_no_secret() -> None:
    options = read_options(["--url", URL], environment())
    text = repr(options) + options.mask(f"Bearer {options.token}, {options.provider_key}")
    assert (options.token in text, options.provider_key in text) == (False, False)


class _CloudFormation:
    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": URL}] if StackName == "nexus-ai-dev" else []
        return {"Stacks": [{"StackName": StackName, "Outputs": outputs}]}


def test_url_of_an_environment_is_an_output_of_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(_deployment: Deployment, _service: str) -> _CloudFormation:
        return _CloudFormation()

    monkeypatch.setattr(Deployment, "client", client)
    assert read_options(["--env", "dev"], environment()).url == URL
    with pytest.raises(Refused, match="no output ApiUrl"):
        read_options(["--env", "prod"], environment())
    with pytest.raises(Refused, match="ENV is dev, staging or prod"):
        read_options(["--env", "production"], environment())


# Comparisons.


def usage(tokens: int = 0, cost: str = "0") -> dict[str, Any]:
    return {"inputTokens": tokens, "outputTokens": 0, "totalTokens": tokens, "costUsd": cost}


def record(request_id: str, status: str = "answered", module: str = "smoke", **fields_of_usage: Any) -> Record:
    fields = {"id": request_id, "userId": "u", "module": module, "endpoint": "POST /x", "status": status}
    return Record.model_validate({**fields, "usage": usage(**fields_of_usage)})


CALLS = [
    Call("connection test", "1"),
    Call("copy", "2", "answered", Usage.model_validate(usage(100, "0.5"))),
    Call("cache hit", "3", "cached", Usage.model_validate(usage())),
    Call("refused", "4", "rejected", Usage.model_validate(usage())),
]
RECORDS = [
    record("1", module="administration", tokens=10, cost="0.25"),
    record("2", tokens=100, cost="0.5"),
    record("3", "cached"),
    record("4", "rejected"),
]


def test_records_that_match_the_calls_are_no_difference() -> None:
    assert differences(CALLS, RECORDS) == []
    assert differences(CALLS, [*RECORDS, record("9", module="marketing")]) == []


@pytest.mark.parametrize(
    ("records", "difference"),
    [
        (RECORDS[1:], "connection test has 0 records"),
        ([*RECORDS, RECORDS[1]], "copy has 2 records"),
        ([*RECORDS, record("9")], "record 9 belongs to no call"),
        ([*RECORDS[:3], record("4", "failed")], "the record of refused is failed instead of rejected"),
        (
            [RECORDS[0], record("2", tokens=100, cost="0.6"), *RECORDS[2:]],
            "the record of copy has 100 + 0 tokens for $0.6, its response 100 + 0 tokens for $0.5",
        ),
        (
            [RECORDS[0], record("2", tokens=101, cost="0.5"), *RECORDS[2:]],
            "the record of copy has 101 + 0 tokens for $0.5, its response 100 + 0 tokens for $0.5",
        ),
    ],
)
def test_records_that_differ_are_named(records: list[Record], difference: str) -> None:
    assert differences(CALLS, records) == [difference]


def test_calls_without_usage_count_by_their_records() -> None:
    found = {each.id: each for each in RECORDS}
    expected_sums = Sums(requests=3, cache_hits=1, rejections=1, errors=0, tokens=110, cost_usd=Decimal("0.75"))
    assert expected(CALLS, found) == expected_sums
    assert expected(CALLS, {}) != expected_sums


# Waiting, and restoring what a run changed.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_a_run_but_not_its_clean_up(number: signal.Signals) -> None:
    interruption = Interruption()
    with interruption.installed():
        os.kill(os.getpid(), number)
        with pytest.raises(Interrupted):
            interruption.check()
        with pytest.raises(Interrupted):
            interruption.wait(60)
        interruption.defer()
        interruption.wait(0)
    assert interruption.exit_status == 128 + number


type Scripted = tuple[int, Mapping[str, Any]] | None
OK: Scripted = (200, {})
NOT_FOUND: Scripted = (404, {})
UNAVAILABLE: Scripted = (503, {})


class ScriptedApi:
    """API that returns these replies in order, None for no response, and records the requests."""

    def __init__(self, *replies: Scripted) -> None:
        self._replies = list(replies)
        self.requests: list[tuple[str, str, object]] = []

    def get(self, path: str) -> Reply:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: object = None) -> Reply:
        self.requests.append((method, path, body))
        reply = self._replies.pop(0)
        if reply is None:
            raise NoResponse(f"{method} {path} got no response")
        status, content = reply
        headers = httpx2.Headers({"X-Request-Id": f"request-{len(self.requests)}", "Retry-After": "60"})
        return Reply(f"{method} {path}", status, headers, json.dumps(content))

    @property
    def done(self) -> bool:
        return not self._replies


class InstantInterruption(Interruption):
    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


def changes_of(api: ScriptedApi, interruption: Interruption) -> Changes:
    return Changes(cast("Api", api), interruption)


def test_changes_are_undone_in_reverse_with_retries() -> None:
    api, one, other = ScriptedApi(OK, OK, UNAVAILABLE, OK, NOT_FOUND), "/one", "/other"
    subject = changes_of(api, InstantInterruption())
    subject.put(one, {"a": 2}, Undo("PUT", one, {"a": 1}))
    subject.put(other, {}, Undo("DELETE", other, None))
    subject.restore()
    subject.restore()

    undone = [("DELETE", other, None), ("DELETE", other, None), ("PUT", one, {"a": 1})]
    assert (api.requests[2:], api.done) == (undone, True)


def test_unanswered_change_is_undone_after_a_wait() -> None:
    api, pauses = ScriptedApi(None, OK), InstantInterruption()
    subject = changes_of(api, pauses)
    with pytest.raises(NoResponse):
        subject.put("/one", {}, Undo("DELETE", "/one", None))
    subject.restore()

    assert changes.LATE_S - 5 < pauses.waited[0] <= changes.LATE_S
    assert api.requests[1] == ("DELETE", "/one", None)


def test_change_that_cannot_be_undone_is_named_and_retried() -> None:
    api = ScriptedApi(OK, *[UNAVAILABLE] * changes.TRIES, OK)
    subject = changes_of(api, InstantInterruption())
    subject.put("/one", {}, Undo("PUT", "/one", {"a": 1}))
    with pytest.raises(CheckFailed, match=r'not undone: PUT /one {"a": 1} \(PUT /one returned 503'):
        subject.restore()
    subject.restore()
    assert api.done


# The request limit at the end of an hour.

FIRST, SECOND = "2026-11-30T15:00:00.000Z", "2026-11-30T16:00:00.000Z"


def limits(fields_of_usage: int, maximum: int, ends: str) -> tuple[int, dict[str, Any]]:
    window = {
        "limit": "requestsPerHour",
        "max": maximum,
        "used": fields_of_usage,
        "reserved": 0,
        "left": maximum - fields_of_usage,
    }
    alerts: dict[str, Any] = {"alertThresholds": [80], "alertEmails": [], "alerts": []}
    return 200, {"requestsPerHour": maximum, **alerts, "windows": [{**window, "resetsAt": ends}]}


COPY = (
    200,
    {
        "requestId": "of-a-call",
        "provider": "openai",
        "model": "gpt-5-mini",
        "cached": False,
        "usage": usage(),
        "fallback": {"used": False},
        "data": {"variations": [{"text": "A facial"}]},
    },
)
REFUSED = (429, {"code": "limit_exceeded", "limit": "requestsPerHour"})


def run_of(api: ScriptedApi) -> Run:
    options = Options(URL, ProviderName.OPENAI, "gpt-5-mini", None, token="-", provider_key=KEY)
    before = Tenant(
        {"requestsPerHour": 100},
        {},
        {},
        (),
        UsageStats.model_validate({"byModule": []}),
        frozenset(),
        datetime.now(UTC),
    )
    interruption = InstantInterruption()
    return Run(cast("Api", api), options, interruption, changes_of(api, interruption), before)


def puts(requests: Iterable[tuple[str, str, object]]) -> list[object]:
    return [body for method, _, body in requests if method == "PUT"]


def test_hour_ending_between_two_requests_is_no_failure() -> None:
    api = ScriptedApi(
        *(limits(5, 100, FIRST), limits(5, 6, FIRST), COPY, COPY, limits(1, 6, SECOND)),
        *(limits(1, 6, SECOND), limits(1, 2, SECOND), COPY, REFUSED, OK),
    )
    assert "Retry-After 60" in LimitChecks(run_of(api)).request_limit()
    assert puts(api.requests) == [{"requestsPerHour": 6}, {"requestsPerHour": 2}, {"requestsPerHour": 100}]
    assert api.done


def test_exceeded_limit_fails_and_is_restored() -> None:
    api = ScriptedApi(*(limits(5, 100, FIRST), limits(5, 6, FIRST), COPY, COPY, limits(7, 6, FIRST)), (200, {}))
    with pytest.raises(CheckFailed, match="returned 200 instead"):
        LimitChecks(run_of(api)).request_limit()
    assert puts(api.requests)[-1] == {"requestsPerHour": 100}
