"""Requests to AWS as botocore would sign them, and what becomes of them on their way."""

import os
import socket
import zlib
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session
from botocore.utils import ContainerMetadataFetcher
from hypothesis import given
from hypothesis import strategies as st

from nexus_ai.core.http1 import Place
from nexus_ai.storage import sdk_settings
from nexus_ai.storage.connections import Connections, NoAnswer, Request, Response, proxy
from nexus_ai.storage.json_service import JsonService, ServiceError
from nexus_ai.storage.signature import Keys, signed

NOW = datetime(2026, 11, 23, 2, 13, 20, tzinfo=UTC)
REFUSAL = b'{"__type": "com.amazonaws.kms#DisabledException"}'
URLS = ["https://dynamodb.sa-east-1.amazonaws.com/", "http://127.0.0.1:8000", "https://kms.us-east-1.amazonaws.com/a/b"]


@given(
    body=st.binary(max_size=300),
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    token=st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    url=st.sampled_from(URLS),
)
def test_a_request_is_signed_as_botocore_signs_it(body: bytes, secret: str, token: str | None, url: str) -> None:
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.GetItem"}
    theirs = AWSRequest("POST", url, headers=headers, data=body)
    theirs.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(Credentials("AKIA", secret, token), "dynamodb", "sa-east-1")
    theirs.headers["X-Amz-Date"] = theirs.context["timestamp"]
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    signature = signer.signature(signer.string_to_sign(theirs, signer.canonical_request(theirs)), theirs)

    keys = Keys("AKIA", secret, token)
    content_type, target = headers.values()
    at_s = NOW.timestamp()
    ours = signed(url, content_type, target, body, keys=keys, service="dynamodb", region="sa-east-1", at_s=at_s)

    assert ours["authorization"].rpartition("Signature=")[2] == signature
    assert ours["host"] == urlsplit(url).netloc


class Refusing(BaseHTTPRequestHandler):
    """Answers with the status that is in the path, and the checksum that is behind it."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, _, checksum = self.path[1:].partition("/")
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(REFUSAL)))
        if checksum:
            self.send_header("x-amz-crc32", checksum)
        self.end_headers()
        self.wfile.write(REFUSAL)

    def do_GET(self) -> None:  # credentials are got
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass


@pytest.fixture
def refusing() -> Generator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def connections(url: str) -> Connections:
    return Connections(url, connect_timeout_s=1, read_timeout_s=0.2)


def sent(to: Connections) -> Response:
    return to(Request("GetItem", "", {"content-type": "application/x-amz-json-1.0"}, b"{}"))


@pytest.mark.parametrize("status", [200, 307, 400, 503])
def test_an_answer_is_told_as_it_came_and_no_redirect_is_followed(refusing: str, status: int) -> None:
    assert sent(connections(f"{refusing}/{status}")).status == status


def test_where_nobody_listens_nothing_was_sent() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoAnswer) as raised:
        sent(connections(f"http://127.0.0.1:{port}"))
    assert not raised.value.sent


def test_where_nobody_answers_in_time_it_was_sent() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, pytest.raises(NoAnswer) as raised:
        sent(connections(f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert raised.value.sent


def service(monkeypatch: pytest.MonkeyPatch, *answers: Response | NoAnswer) -> tuple[JsonService, list[Request]]:
    """A service that gives these answers in turn, and what it was asked."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    asked: list[Request] = []
    left = iter(answers)

    def send(request: Request) -> Response:
        asked.append(request)
        answer = next(left)
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    return JsonService("kms", "TrentService", "application/x-amz-json-1.1", pause_s=0, connect=lambda _: send), asked


OK = Response(200, b'{"Plaintext": ""}')
THROTTLED = Response(400, b'{"__type": "ThrottlingException"}')
CANCELLED = Response(400, b'{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"}')
BROKEN = Response(500, b"<html>")
NEVER_SENT, LOST = NoAnswer(sent=False), NoAnswer(sent=True)
UNREADABLE, NO_OBJECT = Response(200, b'{"Plaint'), Response(200, b"[]")


@pytest.mark.parametrize("first", [THROTTLED, CANCELLED, BROKEN, NEVER_SENT, LOST, UNREADABLE, NO_OBJECT])
def test_what_may_be_repeated_is_sent_again(monkeypatch: pytest.MonkeyPatch, first: Response | NoAnswer) -> None:
    subject, asked = service(monkeypatch, first, OK)
    assert subject.call("Decrypt", {}) == {"Plaintext": ""}
    assert [request.headers["x-amz-target"] for request in asked] == ["TrentService.Decrypt"] * 2


@pytest.mark.parametrize(("first", "times"), [(THROTTLED, 2), (NEVER_SENT, 2), (BROKEN, 1), (LOST, 1), (UNREADABLE, 1)])
def test_what_adds_up_is_sent_again_only_where_it_was_not_carried_out(
    monkeypatch: pytest.MonkeyPatch, first: Response | NoAnswer, times: int
) -> None:
    subject, asked = service(monkeypatch, first, Response(400, b'{"__type": "a#NotFoundException"}'))
    with pytest.raises((ServiceError, NoAnswer)):
        subject.call("Decrypt", {}, repeatable=False)
    assert len(asked) == times


def test_a_refusal_has_the_code_without_its_namespace_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    told = b'{"__type": "com.amazonaws.kms#DisabledException", "message": "arn is disabled."}'
    subject, asked = service(monkeypatch, Response(400, told))
    with pytest.raises(ServiceError, match=r"^400 DisabledException: arn is disabled\.$") as raised:
        subject.call("Decrypt", {})
    assert (raised.value.code, raised.value.status, len(asked)) == ("DisabledException", 400, 1)


def test_the_last_of_three_tries_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, asked = service(monkeypatch, BROKEN, LOST, THROTTLED)
    with pytest.raises(ServiceError):
        subject.call("Decrypt", {})
    assert len(asked) == 3


def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Generator[pytest.MonkeyPatch]:
    """Nothing is set, and botocore's session is one of its own."""
    without_variables(monkeypatch)
    sdk_settings.session.cache_clear()
    yield monkeypatch
    sdk_settings.session.cache_clear()


def test_without_keys_in_the_environment_botocores_chain_is_asked(alone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(NoAnswer) as raised:
        sdk_settings.keys()
    assert not raised.value.sent

    profiles = tmp_path / "credentials"
    profiles.write_text("[default]\naws_access_key_id=ASIA\naws_secret_access_key=chain\naws_session_token=token\n")
    alone.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    sdk_settings.session.cache_clear()
    assert sdk_settings.keys() == Keys("ASIA", "chain", "token")


def test_a_chain_that_fails_is_no_answer_and_asked_anew_the_next_time(alone: pytest.MonkeyPatch, refusing: str) -> None:
    """What a restored snapshot is given its keys by is a place that may not answer."""
    alone.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    alone.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{refusing}/400")
    for _ in range(2):
        with pytest.raises(NoAnswer) as raised:
            sdk_settings.keys()
        assert not raised.value.sent
    alone.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    alone.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert sdk_settings.keys() == Keys("AKIA", "secret", None)


def test_without_a_region_there_is_no_answer(alone: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoAnswer):
        sdk_settings.region()
    alone.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    assert sdk_settings.region() == "sa-east-1"


@pytest.mark.parametrize(
    ("region", "variables"),
    [
        ("sa-east-1", {}),
        ("cn-north-1", {}),
        ("us-gov-west-1", {}),
        ("us-gov-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"}),
        ("eusc-de-east-1", {}),
        ("us-iso-east-1", {}),
        ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}),
        ("us-east-1", {"AWS_USE_DUALSTACK_ENDPOINT": "True"}),
        ("us-east-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:8000"}),
        ("us-east-1", {"AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:8000", "AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}),
        ("us-east-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:8000", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}),
    ],
)
@pytest.mark.parametrize("service", ["dynamodb", "kms"])
def test_a_service_is_asked_where_botocore_would_ask_it(
    alone: pytest.MonkeyPatch, service: str, region: str, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        alone.setenv(name, value)
    expected: str = Session().create_client(service, region_name=region).meta.endpoint_url
    assert sdk_settings.endpoint(service, region) == expected


def test_a_proxy_of_the_environment_is_gone_through_but_to_where_it_says_not(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    alone.setenv("NO_PROXY", "direct.example")
    places = ("https://a.example", "https://direct.example", "http://a.example")

    expected = Place("http", "proxy.example", 3128)
    assert [proxy(Place.of(url)) for url in places] == [expected, None, None]
    alone.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert proxy(Place.of("https://a.example")) == expected


@pytest.mark.parametrize(
    "named", ["https://me:secret@proxy.example", "socks5://proxy.example", "http://proxy.example:x"]
)
def test_a_proxy_that_would_be_spoken_to_in_another_way_is_told_nothing(alone: pytest.MonkeyPatch, named: str) -> None:
    alone.setenv("HTTPS_PROXY", named)
    with pytest.raises(NoAnswer) as raised:
        sent(connections("https://a.example"))
    assert not raised.value.sent


def test_an_answer_that_is_not_what_dynamodb_says_it_is_is_none(refusing: str) -> None:
    with pytest.raises(NoAnswer) as raised:
        sent(connections(f"{refusing}/200/1"))
    assert raised.value.sent
    assert sent(connections(f"{refusing}/200/{zlib.crc32(REFUSAL)}")).body == REFUSAL
