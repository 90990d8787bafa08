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


class EchoRequest(RequestModel):
    prompt: str = Field(min_length=1, max_length=1000)


class EchoResponse(ResponseModel):
    text: str
    cost_usd: Dollars = Decimal("0.000125")


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def echo(caller: Caller, body: EchoRequest) -> EchoResponse:
    return EchoResponse(text=body.prompt)


def serve(event: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
    return endpoint(ROUTE, body=EchoRequest)(echo)(event, context or Context())


def failing(error: Exception) -> Handler:
    def fail(caller: Caller) -> EchoResponse:
        raise error

    return endpoint(ROUTE)(fail)


def caller_of(event: dict[str, Any], context: Context | None = None) -> Caller:
    seen: list[Caller] = []

    def record_caller(caller: Caller) -> EchoResponse:
        seen.append(caller)
        return EchoResponse(text="")

    response = endpoint(ROUTE)(record_caller)(event, context or Context())
    assert response["statusCode"] == 200, response["body"]
    return seen[0]


def problem_of(response: dict[str, Any]) -> dict[str, Any]:
    assert response["headers"]["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response["body"])
    assert document["status"] == response["statusCode"]
    assert document["type"] == f"urn:nexus-ai:problem:{document['code']}"
    assert {"title", "detail", "requestId"} <= document.keys()
    return document


def test_response_is_camel_case_json_with_money_as_a_number() -> None:
    response = serve(post({"prompt": "olá"}))
    assert response["statusCode"] == 200
    assert response["body"] == '{"text":"olá","costUsd":0.000125}'
    assert response["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "event", [post({"prompt": "a"}), post(raw="no json"), post({"prompt": "a"}, authorizer={"exp": "1"})]
)
def test_every_response_has_the_common_headers(event: dict[str, Any]) -> None:
    headers = serve(event)["headers"]
    assert headers["X-Request-Id"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Expose-Headers"] == "X-Request-Id, Retry-After"


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://b.example", "https://b.example"), ("https://evil.example", None), ("null", None)]
)
def test_only_listed_origins_are_allowed(origin: str, allowed: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example")
    get_settings.cache_clear()
    headers = serve(post({"prompt": "a"}, headers={"Origin": origin}))["headers"]
    assert headers.get("Access-Control-Allow-Origin") == allowed
    assert headers["Vary"] == "Origin"


def test_invalid_body_is_422_and_names_the_field() -> None:
    document = problem_of(serve(post({"prompt": ""})))
    assert (document["status"], document["code"]) == (422, "validation_failed")
    assert document["errors"][0]["field"] == "prompt"
    assert document["detail"].startswith("prompt: ")


def test_malformed_json_is_400() -> None:
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
def test_invalid_authorizer_context_is_401(authorizer: dict[str, Any]) -> None:
    response = serve(post({"prompt": "a"}, authorizer=authorizer))
    assert problem_of(response)["code"] == "unauthenticated"
    # API Gateway would pass it on as x-amzn-Remapped-WWW-Authenticate.
    assert "WWW-Authenticate" not in response["headers"]


def test_event_without_an_authorizer_is_401() -> None:
    event = post({"prompt": "a"})
    del event["requestContext"]["authorizer"]
    assert problem_of(serve(event))["status"] == 401


def test_token_expired_while_authorization_was_cached_is_401() -> None:
    ended = int(time.time()) - TOKEN_LEEWAY_S - 1
    assert problem_of(serve(post({"prompt": "a"}, authorizer={"exp": str(ended)})))["status"] == 401
    assert serve(post({"prompt": "a"}, authorizer={"exp": str(ended + 60)}))["statusCode"] == 200


@pytest.mark.parametrize(
    ("roles", "status"), [("user", 403), ("", 403), ("owner,user", 403), ("admin", 200), ("user,admin", 200)]
)
def test_admin_route_is_for_admins_only(roles: str, status: int) -> None:
    handler = endpoint(ROUTE, body=EchoRequest, role=Role.ADMIN)(echo)
    assert handler(post({"prompt": "a"}, authorizer={"roles": roles}), Context())["statusCode"] == status


@pytest.mark.parametrize(("roles", "status"), [("user", 200), ("admin", 200), ("owner", 403), ("", 403)])
def test_user_route_needs_the_role_user_or_admin(roles: str, status: int) -> None:
    assert serve(post({"prompt": "a"}, authorizer={"roles": roles}))["statusCode"] == status


def test_role_is_checked_before_the_body() -> None:
    assert problem_of(serve(post(raw="no json", authorizer={"roles": ""})))["code"] == "forbidden"


def test_caller_comes_from_authorizer_and_api_gateway() -> None:
    caller = caller_of(post({"tenantId": "other"}, headers={"X-Tenant-Id": "other"}))
    assert (caller.tenant_id, caller.user_id, caller.endpoint) == ("demo", "user-1", ROUTE)
    assert caller.ip == "203.0.113.7"
    assert caller.user_agent is not None
    assert caller.user_agent.startswith("Mozilla/5.0")
    assert (caller.idempotency_key, caller.refresh_cache, caller.store_nothing) == (None, False, False)


def test_request_id_has_the_time_of_api_gateway() -> None:
    sent_at_ms = SystemClock().now_ms() - 1234
    caller = caller_of(post(requestTimeEpoch=sent_at_ms))
    assert caller.started_at_ms == sent_at_ms
    assert caller.request_id.startswith(uuid7_floor(sent_at_ms))


def test_deadline_counts_from_the_time_of_the_request() -> None:
    sent_at_ms = SystemClock().now_ms() - 10_000
    assert (
        caller_of(post(requestTimeEpoch=sent_at_ms), Context(900_000)).deadline.at_ms == sent_at_ms + GATEWAY_WAITS_MS
    )


def test_deadline_is_not_after_the_functions_timeout() -> None:
    before = SystemClock().now_ms()
    deadline = caller_of(post(requestTimeEpoch=before), Context(3_000)).deadline
    assert before + 3_000 <= deadline.at_ms <= SystemClock().now_ms() + 3_000


@pytest.mark.parametrize("shift_ms", [-INVOCATION_LIVES_MS - 1000, 60_000, INVOCATION_LIVES_MS + 60_000])
def test_request_with_an_impossible_time_starts_now(shift_ms: int) -> None:
    before = SystemClock().now_ms()
    caller = caller_of(post(requestTimeEpoch=before + shift_ms))
    assert before <= caller.started_at_ms <= SystemClock().now_ms()


@pytest.mark.parametrize("sent_at_ms", [None, "1795435200000", 1.5])
def test_request_without_a_time_starts_now(sent_at_ms: object) -> None:
    before = SystemClock().now_ms()
    assert before <= caller_of(post(requestTimeEpoch=sent_at_ms)).started_at_ms <= SystemClock().now_ms()


@pytest.mark.parametrize("key", ["a", "x" * 255, "order 17 ~"])
def test_valid_idempotency_key_is_used_unchanged(key: str) -> None:
    assert caller_of(post(headers={"idempotency-key": key})).idempotency_key == key


@pytest.mark.parametrize("key", ["", "x" * 256, "ação", "a\tb", "a\x7f"])
def test_invalid_idempotency_key_is_422_and_names_the_header(key: str) -> None:
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


def test_user_agent_is_shortened_to_ascii() -> None:
    agent = caller_of(post(identity={"userAgent": "é\ud800" + "x" * 5000})).user_agent
    assert agent == "??" + "x" * 510


def test_error_is_a_problem_with_its_members_and_retry_after() -> None:
    extra = {"limit": "costPerMonthUsd", "max": Decimal("100.5"), "used": EchoResponse(text="x"), "status": 1}
    response = failing(LimitExceeded("Used up.", extra=extra, retry_after=0))(post(), Context())
    document = problem_of(response)
    assert (document["status"], document["code"], document["detail"]) == (429, "limit_exceeded", "Used up.")
    assert (document["max"], document["used"]["costUsd"]) == (100.5, 0.000125)
    assert response["headers"]["Retry-After"] == "1"
    assert document["requestId"] == response["headers"]["X-Request-Id"]


def test_replayed_error_keeps_the_first_request_id() -> None:
    error = LimitExceeded()
    error.request_id = "first"
    assert problem_of(failing(error)(post(), Context()))["requestId"] == "first"


def test_unexpected_error_is_a_500_without_details_and_logged(
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


def test_internal_failure_is_logged_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(caller: Caller) -> EchoResponse:
        try:
            raise ConnectionError(CANARY)
        except ConnectionError as cause:
            raise StoreUnavailable from cause

    endpoint(ROUTE)(fail)(post(), Context())
    logged = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [error["type"] for error in logged["errors"]][1] == "builtins.ConnectionError"


def test_unserializable_response_is_a_500() -> None:
    handler = endpoint(ROUTE)(lambda caller: EchoResponse(text="\ud800"))
    assert problem_of(handler(post(), Context()))["status"] == 500


@pytest.mark.parametrize(
    ("event", "status", "code"), [(post({"prompt": CANARY}), 200, "ok"), (post(raw=CANARY), 400, "malformed_body")]
)
def test_request_logs_one_line_without_its_content(
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


def test_every_error_class_has_its_status_and_code() -> None:
    def every(kind: type[NexusError]) -> list[type[NexusError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in every(child))]

    for kind in every(NexusError):
        document = problem_of(failing(kind())(post(), Context()))
        assert (document["status"], document["code"]) == (kind.status, kind.code)


def test_health_needs_no_caller() -> None:
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
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_event_gives_a_500(
    event: dict[str, Any], authorizer: dict[str, Any], identity: dict[str, Any] | None
) -> None:
    response = serve(event | {"requestContext": {"authorizer": authorizer, "identity": identity}})
    assert response["statusCode"] < 500
    assert response["body"].encode()


@pytest.mark.parametrize(
    ("error", "counted"),
    [(StoreUnavailable(), True), (ZeroDivisionError(), True), (AllProvidersFailed(), False), (LimitExceeded(), False)],
)
def test_server_error_is_counted_by_function_and_version(
    error: Exception, counted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error)(post({}), Context())

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [line for line in lines if "ServerErrors" in line]
    assert [(line["ServerErrors"], line["function"], line["version"]) for line in found] == (
        [(1, Context.function_name, Context.function_version)] if counted else []
    )
