import json
import time
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from functions.health.app import handler as health
from nexus_ai import __version__
from nexus_ai.http.endpoint import Handler, endpoint
from nexus_ai.http.event import GATEWAY_WAITS_MS, INVOCATION_LIVES_MS, TOKEN_LEEWAY_S
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.platform.clock import SystemClock, uuid7_floor
from nexus_ai.platform.errors import AllProvidersFailed, LimitExceeded, NexusError, StoreUnavailable
from nexus_ai.platform.schema import Dollars, RequestModel, ResponseModel
from nexus_ai.platform.settings import get_settings
from tests.unit.http.http_events import SETTINGS, Context, post, read_event

CANARY = "sk-canary-8f14e45f"
ROUTE = "POST /api/echo"


class Ask(RequestModel):
    prompt: str = Field(min_length=1, max_length=1000)


class Told(ResponseModel):
    said: str
    cost_usd: Dollars = Decimal("0.000125")


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def echo(caller: Caller, body: Ask) -> Told:
    return Told(said=body.prompt)


def serve(event: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
    return endpoint(ROUTE, body=Ask)(echo)(event, context or Context())


def failing(error: Exception) -> Handler:
    def fail(caller: Caller) -> Told:
        raise error

    return endpoint(ROUTE)(fail)


def caller_of(event: dict[str, Any], context: Context | None = None) -> Caller:
    seen: list[Caller] = []

    def look(caller: Caller) -> Told:
        seen.append(caller)
        return Told(said="")

    response = endpoint(ROUTE)(look)(event, context or Context())
    assert response["statusCode"] == 200, response["body"]
    return seen[0]


def problem_of(response: dict[str, Any]) -> dict[str, Any]:
    assert response["headers"]["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response["body"])
    assert document["status"] == response["statusCode"]
    assert document["type"] == f"urn:nexus-ai:problem:{document['code']}"
    assert {"title", "detail", "requestId"} <= document.keys()
    return document


def test_an_answer_is_camel_case_json_with_a_number_for_money() -> None:
    response = serve(post({"prompt": "olá"}))
    assert response["statusCode"] == 200
    assert response["body"] == '{"said":"olá","costUsd":0.000125}'
    assert response["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "event", [post({"prompt": "a"}), post(raw="no json"), post({"prompt": "a"}, authorizer={"exp": "1"})]
)
def test_every_answer_has_the_common_headers(event: dict[str, Any]) -> None:
    headers = serve(event)["headers"]
    assert headers["X-Request-Id"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Expose-Headers"] == "X-Request-Id, Retry-After"


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://b.example", "https://b.example"), ("https://evil.example", None), ("null", None)]
)
def test_a_list_of_origins_lets_those_in_and_no_other(
    origin: str, allowed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example")
    get_settings.cache_clear()
    headers = serve(post({"prompt": "a"}, headers={"Origin": origin}))["headers"]
    assert headers.get("Access-Control-Allow-Origin") == allowed
    assert headers["Vary"] == "Origin"


def test_a_body_that_does_not_fit_is_422_and_names_the_field() -> None:
    document = problem_of(serve(post({"prompt": ""})))
    assert (document["status"], document["code"]) == (422, "validation_failed")
    assert document["errors"][0]["field"] == "prompt"
    assert document["detail"].startswith("prompt: ")


def test_a_body_that_is_no_json_is_400() -> None:
    assert problem_of(serve(post(raw="hello")))["code"] == "malformed_body"


@pytest.mark.parametrize(
    "authorizer",
    [
        {"tenantId": None},
        {"tenantId": ""},
        {"tenantId": "a/b"},
        {"tenantId": "a\n"},
        {"tenantId": 7},
        {"userId": None},
        {"userId": "two words"},
        {"exp": None},
        {"exp": "soon"},
        {"exp": "-1"},
        {"exp": "²"},
        {"exp": "9" * 400},
        {"exp": 4102444800},
    ],
)
def test_a_caller_that_the_authorizer_cannot_have_vouched_for_is_401(authorizer: dict[str, Any]) -> None:
    response = serve(post({"prompt": "a"}, authorizer=authorizer))
    assert problem_of(response)["code"] == "unauthenticated"
    # API Gateway would pass it on as x-amzn-Remapped-WWW-Authenticate.
    assert "WWW-Authenticate" not in response["headers"]


def test_an_event_without_an_authorizer_is_401() -> None:
    event = post({"prompt": "a"})
    del event["requestContext"]["authorizer"]
    assert problem_of(serve(event))["status"] == 401


def test_a_token_that_ended_while_its_authorization_was_kept_is_401() -> None:
    ended = int(time.time()) - TOKEN_LEEWAY_S - 1
    assert problem_of(serve(post({"prompt": "a"}, authorizer={"exp": str(ended)})))["status"] == 401
    assert serve(post({"prompt": "a"}, authorizer={"exp": str(ended + 60)}))["statusCode"] == 200


@pytest.mark.parametrize(
    ("roles", "status"), [("user", 403), ("", 403), ("owner,user", 403), ("admin", 200), ("user,admin", 200)]
)
def test_a_route_for_admins_takes_admins_alone(roles: str, status: int) -> None:
    handler = endpoint(ROUTE, body=Ask, role=Role.ADMIN)(echo)
    assert handler(post({"prompt": "a"}, authorizer={"roles": roles}), Context())["statusCode"] == status


@pytest.mark.parametrize(("roles", "status"), [("user", 200), ("admin", 200), ("owner", 403), ("", 403)])
def test_a_route_for_users_takes_admins_too_and_nobody_without_a_role(roles: str, status: int) -> None:
    assert serve(post({"prompt": "a"}, authorizer={"roles": roles}))["statusCode"] == status


def test_a_stranger_learns_nothing_of_the_body_s_rules() -> None:
    assert problem_of(serve(post(raw="no json", authorizer={"roles": ""})))["code"] == "forbidden"


def test_the_caller_is_told_by_the_authorizer_and_by_api_gateway() -> None:
    caller = caller_of(post({"tenantId": "other"}, headers={"X-Tenant-Id": "other"}))
    assert (caller.tenant_id, caller.user_id, caller.endpoint) == ("demo", "user-1", ROUTE)
    assert caller.ip == "203.0.113.7"
    assert caller.user_agent is not None
    assert caller.user_agent.startswith("Mozilla/5.0")
    assert (caller.idempotency_key, caller.refresh_cache, caller.store_nothing) == (None, False, False)


def test_the_request_id_has_the_time_of_api_gateway_and_is_in_the_header() -> None:
    stamp = SystemClock().now_ms() - 1234
    caller = caller_of(post(requestTimeEpoch=stamp))
    assert caller.started_at_ms == stamp
    assert caller.request_id.startswith(uuid7_floor(stamp))


def test_the_deadline_counts_from_the_request_s_own_time_stamp() -> None:
    stamp = SystemClock().now_ms() - 10_000
    assert caller_of(post(requestTimeEpoch=stamp), Context(900_000)).deadline.at_ms == stamp + GATEWAY_WAITS_MS


def test_the_deadline_is_not_after_the_end_of_the_function() -> None:
    before = SystemClock().now_ms()
    deadline = caller_of(post(requestTimeEpoch=before), Context(3_000)).deadline
    assert before + 3_000 <= deadline.at_ms <= SystemClock().now_ms() + 3_000


@pytest.mark.parametrize("shift_ms", [-INVOCATION_LIVES_MS - 1000, 60_000, INVOCATION_LIVES_MS + 60_000])
def test_a_request_whose_stamp_cannot_be_its_own_starts_now(shift_ms: int) -> None:
    before = SystemClock().now_ms()
    caller = caller_of(post(requestTimeEpoch=before + shift_ms))
    assert before <= caller.started_at_ms <= SystemClock().now_ms()


@pytest.mark.parametrize("stamp", [None, "1795435200000", 1.5])
def test_without_a_time_stamp_a_request_starts_now(stamp: object) -> None:
    before = SystemClock().now_ms()
    assert before <= caller_of(post(requestTimeEpoch=stamp)).started_at_ms <= SystemClock().now_ms()


@pytest.mark.parametrize("key", ["a", "x" * 255, "order 17 ~"])
def test_an_idempotency_key_is_taken_as_it_is(key: str) -> None:
    assert caller_of(post(headers={"idempotency-key": key})).idempotency_key == key


@pytest.mark.parametrize("key", ["", "x" * 256, "ação", "a\tb", "a\x7f"])
def test_another_idempotency_key_is_422_and_names_the_header(key: str) -> None:
    document = problem_of(serve(post({"prompt": "a"}, headers={"Idempotency-Key": key})))
    assert document["status"] == 422
    assert document["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("value", "refresh", "store_nothing"),
    [
        ("no-cache", True, False),
        ("No-Store", False, True),
        ("max-age=0, no-cache,no-store", True, True),
        ("no-cachet", False, False),
    ],
)
def test_cache_control_is_read_by_its_directives(value: str, refresh: bool, store_nothing: bool) -> None:
    caller = caller_of(post(headers={"CACHE-CONTROL": value}))
    assert (caller.refresh_cache, caller.store_nothing) == (refresh, store_nothing)


def test_a_user_agent_is_made_short_and_plain() -> None:
    agent = caller_of(post(identity={"userAgent": "é\ud800" + "x" * 5000})).user_agent
    assert agent == "??" + "x" * 510


def test_an_error_of_ours_is_a_problem_with_its_members_and_when_to_come_back() -> None:
    extra = {"limit": "costPerMonthUsd", "max": Decimal("100.5"), "used": Told(said="x"), "status": 1}
    response = failing(LimitExceeded("Used up.", extra=extra, retry_after=0))(post(), Context())
    document = problem_of(response)
    assert (document["status"], document["code"], document["detail"]) == (429, "limit_exceeded", "Used up.")
    assert (document["max"], document["used"]["costUsd"]) == (100.5, 0.000125)
    assert response["headers"]["Retry-After"] == "1"
    assert document["requestId"] == response["headers"]["X-Request-Id"]


def test_a_replayed_end_keeps_the_id_of_its_first_request() -> None:
    error = LimitExceeded()
    error.request_id = "first"
    assert problem_of(failing(error)(post(), Context()))["requestId"] == "first"


def test_an_unexpected_error_is_a_500_without_a_word_and_a_log_line_with_its_stack(
    capsys: pytest.CaptureFixture[str],
) -> None:
    response = failing(RuntimeError(CANARY))(post(), Context())
    document = problem_of(response)
    assert (document["status"], document["code"]) == (500, "internal_error")
    assert document["detail"] == document["title"]
    out = capsys.readouterr().out
    assert CANARY not in out + response["body"]
    logged = json.loads(out.splitlines()[0])
    assert logged["errors"][0]["type"] == "builtins.RuntimeError"
    assert logged["request_id"] == document["requestId"]


def test_a_failure_behind_us_is_logged_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(caller: Caller) -> Told:
        try:
            raise ConnectionError(CANARY)
        except ConnectionError as cause:
            raise StoreUnavailable from cause

    endpoint(ROUTE)(fail)(post(), Context())
    logged = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [error["type"] for error in logged["errors"]][1] == "builtins.ConnectionError"


def test_an_answer_that_cannot_be_written_is_a_500() -> None:
    handler = endpoint(ROUTE)(lambda caller: Told(said="\ud800"))
    assert problem_of(handler(post(), Context()))["status"] == 500


@pytest.mark.parametrize(
    ("event", "status", "code"), [(post({"prompt": CANARY}), 200, "ok"), (post(raw=CANARY), 400, "malformed_body")]
)
def test_a_request_ends_with_one_log_line_that_tells_who_and_how_but_not_what(
    event: dict[str, Any], status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event["headers"]["Authorization"] = f"Bearer {CANARY}"
    response = serve(event)
    (text,) = capsys.readouterr().out.splitlines()
    assert CANARY not in text
    line = json.loads(text)
    assert (line["message"], line["route"], line["status"], line["code"]) == ("request", ROUTE, status, code)
    assert (line["tenant_id"], line["request_id"]) == ("demo", response["headers"]["X-Request-Id"])
    assert line["gateway_request_id"] == event["requestContext"]["requestId"]
    assert line["lambda_request_id"] == "lambda-request"
    assert line["latency_ms"] >= 0


def test_every_error_has_a_code_and_a_status_of_its_own_kind() -> None:
    def every(kind: type[NexusError]) -> list[type[NexusError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in every(child))]

    for kind in every(NexusError):
        document = problem_of(failing(kind())(post(), Context()))
        assert (document["status"], document["code"]) == (kind.status, kind.code)


def test_health_answers_anybody() -> None:
    response = health(read_event("health"), Context())
    assert response["statusCode"] == 200
    assert json.loads(response["body"]) == {
        "status": "ok",
        "version": __version__,
        "stage": "local",
        "checks": None,
    }


texts = st.text(st.characters(exclude_categories=()), max_size=40)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
headers = st.none() | st.dictionaries(
    st.sampled_from(["Idempotency-Key", "Cache-Control", "Origin", "User-Agent", "X-Odd"]) | texts, texts
)


events = st.fixed_dictionaries(
    {
        "body": st.none() | texts | texts.map(lambda text: json.dumps({"prompt": text}, ensure_ascii=False)),
        "isBase64Encoded": st.booleans(),
        "headers": headers,
        "multiValueHeaders": st.none() | st.dictionaries(texts, st.lists(texts)),
    }
)
authorizers = st.just(post()["requestContext"]["authorizer"]) | st.dictionaries(
    st.sampled_from(["tenantId", "userId", "roles", "exp"]), scalars
)
identities = st.none() | st.dictionaries(st.sampled_from(["sourceIp", "userAgent"]), texts | st.none())


@given(events, authorizers, identities)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_in_an_event_gives_a_500(
    event: dict[str, Any], authorizer: dict[str, Any], identity: dict[str, Any] | None
) -> None:
    response = serve(event | {"requestContext": {"authorizer": authorizer, "identity": identity}})
    assert response["statusCode"] < 500
    assert response["body"].encode()


@pytest.mark.parametrize(
    ("error", "counted"),
    [(StoreUnavailable(), True), (ZeroDivisionError(), True), (AllProvidersFailed(), False), (LimitExceeded(), False)],
)
def test_a_fault_of_ours_is_counted_by_function_and_version(
    error: Exception, counted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error)(post({}), Context())

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [line for line in lines if "ServerErrors" in line]
    assert [(line["ServerErrors"], line["function"], line["version"]) for line in found] == (
        [(1, Context.function_name, Context.function_version)] if counted else []
    )
