"""The parts of `make smoke` by themselves: what it is given, what it compares, and how it waits and undoes."""

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


def test_a_run_with_mail_needs_a_token_that_lives_longer() -> None:
    variables = environment(NEXUS_TOKEN=token(600))
    assert read_options(["--url", URL], variables).mail_to is None
    with pytest.raises(Refused, match="a run may take 1200"):
        read_options(["--url", URL], {**variables, "SMOKE_MAIL_TO": "smoke@clinic.example"})


@pytest.mark.parametrize("url", ["http://ai.crm.example.com", "http://10.0.0.1:3000", "ftp://127.0.0.1", "crm", ""])
def test_secrets_are_sent_to_no_unencrypted_address(url: str) -> None:
    with pytest.raises(Refused, match="URL must"):
        read_options(["--url", url or "-"], environment())


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000/", "http://localhost:3000", f"{URL}/prod/"])
def test_loopback_and_https_are_addresses_of_a_deployment(url: str) -> None:
    assert read_options(["--url", url], environment()).url == url.rstrip("/")


def test_options_and_their_masked_texts_show_no_secret() -> None:
    options = read_options(["--url", URL], environment())
    shown = repr(options) + options.mask(f"Bearer {options.token}, {options.provider_key}")
    assert (options.token in shown, options.provider_key in shown) == (False, False)


class _CloudFormation:
    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": URL}] if StackName == "nexus-ai-dev" else []
        return {"Stacks": [{"StackName": StackName, "Outputs": outputs}]}


def test_address_of_an_environment_is_the_output_of_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(_deployment: Deployment, _service: str) -> _CloudFormation:
        return _CloudFormation()

    monkeypatch.setattr(Deployment, "client", client)
    assert read_options(["--env", "dev"], environment()).url == URL
    with pytest.raises(Refused, match="no output ApiUrl"):
        read_options(["--env", "prod"], environment())
    with pytest.raises(Refused, match="ENV is dev, staging or prod"):
        read_options(["--env", "production"], environment())


# What is compared.


def usage(tokens: int = 0, cost: str = "0") -> dict[str, Any]:
    return {"inputTokens": tokens, "outputTokens": 0, "totalTokens": tokens, "costUsd": cost}


def record(request_id: str, status: str = "answered", module: str = "smoke", **used: Any) -> Record:
    fields = {"id": request_id, "userId": "u", "module": module, "endpoint": "POST /x", "status": status}
    return Record.model_validate({**fields, "usage": usage(**used)})


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


def test_records_that_agree_with_the_calls_are_no_difference() -> None:
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
def test_records_that_do_not_agree_are_named(records: list[Record], difference: str) -> None:
    assert differences(CALLS, records) == [difference]


def test_calls_without_usage_count_with_that_of_their_records() -> None:
    found = {each.id: each for each in RECORDS}
    wanted = Sums(requests=3, cache_hits=1, rejections=1, errors=0, tokens=110, cost_usd=Decimal("0.75"))
    assert expected(CALLS, found) == wanted
    assert expected(CALLS, {}) != wanted


# How a run waits, and how it undoes what it changed.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_a_run_between_requests_and_never_the_clean_up(number: signal.Signals) -> None:
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
    """Returns these replies in their order, None for none; keeps what was asked."""

    def __init__(self, *replies: Scripted) -> None:
        self._replies = list(replies)
        self.asked: list[tuple[str, str, object]] = []

    def get(self, path: str) -> Reply:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: object = None) -> Reply:
        self.asked.append((method, path, body))
        reply = self._replies.pop(0)
        if reply is None:
            raise NoResponse(f"{method} {path} got no response")
        status, content = reply
        headers = httpx2.Headers({"X-Request-Id": f"request-{len(self.asked)}", "Retry-After": "60"})
        return Reply(f"{method} {path}", status, headers, json.dumps(content))

    @property
    def done(self) -> bool:
        return not self._replies


class NoPauses(Interruption):
    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


def changes_of(api: ScriptedApi, interruption: Interruption) -> Changes:
    return Changes(cast("Api", api), interruption)


def test_changes_are_undone_in_reverse_and_each_is_tried_again() -> None:
    api, one, other = ScriptedApi(OK, OK, UNAVAILABLE, OK, NOT_FOUND), "/one", "/other"
    subject = changes_of(api, NoPauses())
    subject.put(one, {"a": 2}, Undo("PUT", one, {"a": 1}))
    subject.put(other, {}, Undo("DELETE", other, None))
    subject.restore()
    subject.restore()

    undone = [("DELETE", other, None), ("DELETE", other, None), ("PUT", one, {"a": 1})]
    assert (api.asked[2:], api.done) == (undone, True)


def test_change_without_a_response_is_undone_once_it_cannot_come_late() -> None:
    api, pauses = ScriptedApi(None, OK), NoPauses()
    subject = changes_of(api, pauses)
    with pytest.raises(NoResponse):
        subject.put("/one", {}, Undo("DELETE", "/one", None))
    subject.restore()

    assert changes.LATE_S - 5 < pauses.waited[0] <= changes.LATE_S
    assert api.asked[1] == ("DELETE", "/one", None)


def test_change_that_cannot_be_undone_is_named_and_kept_for_another_try() -> None:
    api = ScriptedApi(OK, *[UNAVAILABLE] * changes.TRIES, OK)
    subject = changes_of(api, NoPauses())
    subject.put("/one", {}, Undo("PUT", "/one", {"a": 1}))
    with pytest.raises(CheckFailed, match=r'not undone: PUT /one {"a": 1} \(PUT /one returned 503'):
        subject.restore()
    subject.restore()
    assert api.done


# The request limit at the end of an hour.

FIRST, SECOND = "2026-11-30T15:00:00.000Z", "2026-11-30T16:00:00.000Z"


def limits(used: int, maximum: int, ends: str) -> tuple[int, dict[str, Any]]:
    window = {"limit": "requestsPerHour", "max": maximum, "used": used, "reserved": 0, "left": maximum - used}
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
    interruption = NoPauses()
    return Run(cast("Api", api), options, interruption, changes_of(api, interruption), before)


def puts(asked: Iterable[tuple[str, str, object]]) -> list[object]:
    return [body for method, _, body in asked if method == "PUT"]


def test_hour_that_ends_between_two_requests_is_no_failure() -> None:
    api = ScriptedApi(
        *(limits(5, 100, FIRST), limits(5, 6, FIRST), COPY, COPY, limits(1, 6, SECOND)),
        *(limits(1, 6, SECOND), limits(1, 2, SECOND), COPY, REFUSED, OK),
    )
    assert "Retry-After 60" in LimitChecks(run_of(api)).request_limit()
    assert puts(api.asked) == [{"requestsPerHour": 6}, {"requestsPerHour": 2}, {"requestsPerHour": 100}]
    assert api.done


def test_limit_that_lets_one_more_through_is_failed_and_put_back() -> None:
    api = ScriptedApi(*(limits(5, 100, FIRST), limits(5, 6, FIRST), COPY, COPY, limits(7, 6, FIRST)), (200, {}))
    with pytest.raises(CheckFailed, match="returned 200 instead"):
        LimitChecks(run_of(api)).request_limit()
    assert puts(api.asked)[-1] == {"requestsPerHour": 100}
