"""Test that the local API sends what API Gateway sends, and responds itself as template.yaml says."""

import json
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.emulator.authorizer import Authorizer, Refused, allows
from local.emulator.functions import Function, FunctionFailed, FunctionThrottled, FunctionTimedOut
from local.emulator.routes import RestApi
from local.template import Template
from tests.integration.support.echo_api import PARAMETERS, echo_api

ARN = "arn:aws:execute-api:us-east-1:123456789012:local/prod/GET/api/things"


@pytest.fixture
def api(tmp_path: Path) -> Generator[httpx.Client]:
    server = echo_api(tmp_path)
    with httpx.Client(base_url=server.url, headers={"Authorization": "Bearer good"}, trust_env=False) as client:
        yield client
    server.stop()


def echoed(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-Id"] == response.json()["requestId"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.json()["code"] == code


def test_event_has_the_form_of_a_proxy_integration(api: httpx.Client) -> None:
    response = api.get("/api/things?a=1&a=2&b=", headers=[("X-One", "1"), ("x-two", "2"), ("x-two", "3")])
    event = echoed(response)["event"]
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/api/things", "/api/things", "GET")
    assert event["queryStringParameters"] == {"a": "2", "b": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
    assert event["headers"]["x-two"] == "3"
    assert event["multiValueHeaders"]["x-two"] == ["2", "3"]
    assert event["multiValueHeaders"]["X-One"] == ["1"]
    assert event["pathParameters"] is None
    assert event["stageVariables"] is None
    assert event["body"] is None
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == event["headers"]["User-Agent"]
    assert context["path"] == "/prod/api/things"
    assert context["resourcePath"] == "/api/things"
    assert context["stage"] == "prod"
    assert isinstance(context["requestTimeEpoch"], int)
    assert response.headers["X-Shown"] == "yes"


def test_every_request_has_its_own_ids(api: httpx.Client) -> None:
    first, second = echoed(api.get("/api/things")), echoed(api.get("/api/things"))
    assert first["event"]["requestContext"]["requestId"] != second["event"]["requestContext"]["requestId"]
    assert first["request"] != second["request"]


def test_context_counts_down_from_the_timeout(api: httpx.Client) -> None:
    assert 0 < echoed(api.get("/api/things"))["left"] <= 1000


def test_literal_segment_is_preferred_to_a_parameter(api: httpx.Client) -> None:
    assert echoed(api.get("/api/things/7%20b"))["event"]["pathParameters"] == {"id": "7 b"}
    assert echoed(api.get("/api/things/last"))["event"]["resource"] == "/api/things/last"


def test_body_of_any_bytes_arrives_as_text(api: httpx.Client) -> None:
    assert echoed(api.post("/api/open", json={"é": 1}))["event"]["body"] == '{"é":1}'
    response = api.post("/api/open", content=b'{"x": "\xff"}')
    assert echoed(response)["event"]["body"] == '{"x": "\ufffd"}'


def test_authorizer_context_arrives_as_text(api: httpx.Client) -> None:
    authorizer = echoed(api.get("/api/things"))["event"]["requestContext"]["authorizer"]
    assert authorizer == {"tenantId": "acme", "asked": "1", "admin": "true", "principalId": "ana"}


def test_authorizer_runs_once_per_token(api: httpx.Client) -> None:
    for path in ("/api/things", "/api/things/1", "/api/things"):
        assert echoed(api.get(path))["event"]["requestContext"]["authorizer"]["asked"] == "1"
    other = api.get("/api/things", headers={"Authorization": "Bearer other"})
    assert echoed(other)["event"]["requestContext"]["authorizer"]["asked"] == "2"


def test_cached_policy_is_checked_for_every_route(api: httpx.Client) -> None:
    narrow = {"Authorization": "Bearer narrow"}
    assert api.get("/api/things", headers=narrow).status_code == 200
    assert_problem(api.get("/api/things/1", headers=narrow), 401, "unauthenticated")


def test_public_route_needs_no_token_and_has_no_caller(api: httpx.Client) -> None:
    response = httpx.post(f"{api.base_url}/api/open", content=b"{}", trust_env=False)
    assert "authorizer" not in echoed(response)["event"]["requestContext"]


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("", 401, "unauthenticated"),
        ("Bearer bad", 401, "unauthenticated"),
        ("Bearer denied", 401, "unauthenticated"),
        ("Bearer broken", 503, "token_keys_unavailable"),
        ("Bearer malformed", 503, "token_keys_unavailable"),
    ],
)
def test_rejected_caller_gets_the_response_of_the_gateway(
    api: httpx.Client, token: str, status: int, code: str
) -> None:
    assert_problem(api.get("/api/things", headers={"Authorization": token}), status, code)


def test_request_without_a_token_never_reaches_the_authorizer(api: httpx.Client) -> None:
    response = httpx.get(f"{api.base_url}/api/things", trust_env=False)
    assert_problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert echoed(api.get("/api/things"))["event"]["requestContext"]["authorizer"]["asked"] == "1"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("DELETE", "/api/things"), ("HEAD", "/api/things"), ("OPTIONS", "/nowhere"), ("GET", "//")],
)
def test_unknown_route_is_not_found(api: httpx.Client, method: str, path: str) -> None:
    response = api.request(method, path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"


def test_preflight_needs_no_token(api: httpx.Client) -> None:
    response = httpx.options(f"{api.base_url}/api/things/7", trust_env=False)
    assert response.status_code == 200
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "function_response",
    [
        "text",
        7,
        {},
        {"statusCode": "200"},
        {"statusCode": 200, "body": {"no": "text"}},
        {"statusCode": 200, "headers": ["no", "mapping"]},
        {"statusCode": 200, "headers": {"X-Split": "a\r\nb"}},
        {"statusCode": 200, "headers": {"X-List": ["a"]}},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
    ],
)
def test_malformed_function_response_is_a_bad_gateway(api: httpx.Client, function_response: object) -> None:
    assert_problem(api.post("/api/open", json={"answer": function_response}), 502, "internal_error")


def test_response_headers_may_repeat_and_bodies_may_be_bytes(api: httpx.Client) -> None:
    headers = {"multiValueHeaders": {"Set-Thing": ["a", "b"]}, "headers": {"Content-Type": "image/png", "X-N": 7}}
    function_response = {"statusCode": 201, **headers, "body": "AP8=", "isBase64Encoded": True}
    response = api.post("/api/open", json={"answer": function_response})
    assert response.status_code == 201
    assert response.headers.get_list("Set-Thing") == ["a", "b"]
    assert (response.headers["Content-Type"], response.headers["X-N"]) == ("image/png", "7")
    assert response.content == b"\x00\xff"


@pytest.mark.parametrize(
    "members", [{"headers": {"WWW-Authenticate": "Bearer"}}, {"multiValueHeaders": {"www-authenticate": ["Bearer"]}}]
)
def test_challenge_of_a_function_is_renamed(api: httpx.Client, members: dict[str, Any]) -> None:
    response = api.post("/api/open", json={"answer": {"statusCode": 401, **members}})
    assert response.status_code == 401
    assert "WWW-Authenticate" not in response.headers
    assert response.headers["x-amzn-Remapped-WWW-Authenticate"] == "Bearer"


def test_raised_error_is_a_bad_gateway_without_details(api: httpx.Client) -> None:
    response = api.post("/api/open", json={"raise": "a secret"})
    assert_problem(response, 502, "internal_error")
    assert "secret" not in response.text


def test_throttled_function_is_503_with_retry_after(api: httpx.Client) -> None:
    response = api.post("/api/busy", json={})
    assert_problem(response, 503, "service_unavailable")
    assert 1 <= int(response.headers["Retry-After"]) <= 5
    assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]


def test_reserved_concurrency_is_released_after_each_call(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return event['number'] // event['by']\n")
    properties = {"CodeUri": str(tmp_path), "Handler": "app.handler", "Timeout": 5, "MemorySize": 128}
    function = Function("OneAtATime", properties, "us-east-1", reserved=1)
    with pytest.raises(FunctionFailed):
        function.invoke({"number": 6, "by": 0})
    assert [function.invoke({"number": number, "by": 2}) for number in (6, 8)] == [3, 4]


@pytest.mark.parametrize("failure", [FunctionThrottled, FunctionTimedOut, FunctionFailed("the keys cannot be read")])
def test_undecided_authorizer_is_503_with_retry_after(failure: Exception) -> None:
    class Undecided:
        arn = "arn:aws:lambda:us-east-1:123456789012:function:AuthorizerFunction"

        def invoke(self, event: dict[str, Any]) -> Any:
            raise failure

    with pytest.raises(Refused) as refused:
        Authorizer(Undecided(), ttl_s=300).context("Bearer good", ARN)
    status, headers, body = (
        RestApi(Template(PARAMETERS, region="us-east-1")).gateway_response(refused.value.response).of("id")
    )
    assert (status, json.loads(body)["code"]) == (503, "token_keys_unavailable")
    assert 1 <= int(headers["Retry-After"]) <= 5


def test_slow_function_is_a_gateway_timeout(api: httpx.Client) -> None:
    assert_problem(api.post("/api/open", json={"wait": 3}), 504, "deadline_exceeded")


@pytest.mark.parametrize("megabytes", [7, 11])
def test_body_over_a_limit_of_lambda_or_the_gateway_is_413(api: httpx.Client, megabytes: int) -> None:
    assert_problem(api.post("/api/open", content=b"x" * (megabytes << 20)), 413, "body_too_large")


def test_chunked_body_is_limited_too(api: httpx.Client) -> None:
    assert echoed(api.post("/api/open", content=iter([b'{"a"', b": 1}"])))["event"]["body"] == '{"a": 1}'
    assert_problem(api.post("/api/open", content=iter([b"x" * (1 << 20)] * 11)), 413, "body_too_large")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Many: 1\r\n" * 200 + b"\r\n",
        b"POST /api/open HTTP/1.1\r\nHost: \xff\xfe\r\nContent-Length: many\r\n\r\n{}",
        b"GET /api/things/%ff%00 HTTP/1.1\r\nAuthorization: Bearer good\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_odd_request_does_not_stop_the_server(api: httpx.Client, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", api.base_url.port or 80), timeout=10) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    assert api.get("/api/things").status_code == 200


def test_malformed_http_gets_a_problem_document(api: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", api.base_url.port or 80), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    document = json.loads(body)
    assert (document["code"], document["status"]) == ("bad_request", 431)
    assert f"X-Request-Id: {document['requestId']}" in head.decode()
    assert b"Access-Control-Allow-Origin: *" in head


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([("Allow", "execute-api:Invoke", "*")], True),
        ([("Allow", "execute-api:*", ARN)], True),
        ([("Allow", "execute-api:Invoke", ARN.replace("GET", "POST"))], False),
        ([("Allow", "s3:GetObject", "*")], False),
        ([("Allow", "*", "*"), ("Deny", "*", "*/GET/*")], False),
        ([("Allow", "*", "arn:aws:execute-api:us-east-1:123456789012:local/prod/[G]ET/*")], False),
        ([], False),
    ],
)
def test_policy_allows_what_one_statement_allows_and_none_denies(
    statements: list[tuple[str, str, str]], allowed: bool
) -> None:
    policy = {"Statement": [{"Effect": e, "Action": a, "Resource": [r]} for e, a, r in statements]}
    assert allows(json.loads(json.dumps(policy)), ARN) is allowed
