"""Requests to AWS as botocore would sign them, and what becomes of them on their way."""

import json
import os
from collections.abc import Generator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.session import Session
from botocore.utils import ContainerMetadataFetcher
from hypothesis import given
from hypothesis import strategies as st

from nexus_ai.aws import clients
from nexus_ai.aws.dynamodb.table import Table, put_atomically
from nexus_ai.net import aws_settings
from nexus_ai.net.aws_json import AwsJsonClient, ServiceError
from nexus_ai.net.aws_transport import Request, Response, TransportError
from nexus_ai.net.concurrency import deadline
from nexus_ai.net.signature import Credentials, signed

NOW = datetime(2026, 11, 23, 2, 13, 20, tzinfo=UTC)
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
    signer = SigV4Auth(BotocoreCredentials("AKIA", secret, token), "dynamodb", "sa-east-1")
    theirs.headers["X-Amz-Date"] = theirs.context["timestamp"]
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    signature = signer.signature(signer.string_to_sign(theirs, signer.canonical_request(theirs)), theirs)

    keys = Credentials("AKIA", secret, token)
    content_type, target = headers.values()
    at_s = NOW.timestamp()
    ours = signed(url, content_type, target, body, keys=keys, service="dynamodb", region="sa-east-1", at_s=at_s)

    assert ours["authorization"].rpartition("Signature=")[2] == signature
    assert ours["host"] == urlsplit(url).netloc


class Refusing(BaseHTTPRequestHandler):
    """Refuses whoever asks for credentials."""

    def do_GET(self) -> None:
        self.send_error(400)

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


def service(
    monkeypatch: pytest.MonkeyPatch, *answers: Response | TransportError
) -> tuple[AwsJsonClient, list[Request]]:
    """A service that gives these answers in turn, and what it was asked."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    asked: list[Request] = []
    left = iter(answers)

    def send(request: Request) -> Response:
        asked.append(request)
        answer = next(left)
        if isinstance(answer, TransportError):
            raise answer
        return answer

    return AwsJsonClient("kms", "TrentService", "application/x-amz-json-1.1", pause_s=0, connect=lambda _: send), asked


OK = Response(200, b'{"Plaintext": ""}')


def refused(code: str, status: int = 400) -> Response:
    return Response(status, b'{"__type": "com.amazonaws.dynamodb.v20120810#%s"}' % code.encode())


NOT_CARRIED_OUT = {
    code: refused(code)
    for code in (
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionCanceledException",
        "TransactionConflictException",
    )
} | {"never sent": TransportError("refused", sent=False)}
# Of these nobody knows.
PERHAPS_CARRIED_OUT: dict[str, Response | TransportError] = {
    "internal error": Response(500, b"<html>"),
    "unavailable": refused("ServiceUnavailable", 503),
    "transaction in progress": refused("TransactionInProgressException"),
    "error in another encoding": Response(400, b"\x1f\x8b\x08\x00"),
    "error without its body": TransportError("cut", sent=True, status=400),
    "lost": TransportError("timeout", sent=True),
    "cut": TransportError("cut", sent=True, status=200),
    "half of JSON": Response(200, b'{"Plaint'),
    "no object": Response(200, b"[]"),
}
FIRST = NOT_CARRIED_OUT | PERHAPS_CARRIED_OUT


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_what_may_be_repeated_is_sent_again(monkeypatch: pytest.MonkeyPatch, first: Response | TransportError) -> None:
    subject, asked = service(monkeypatch, first, OK)
    assert subject.call("Decrypt", {}) == {"Plaintext": ""}
    assert [request.headers["x-amz-target"] for request in asked] == ["TrentService.Decrypt"] * 2


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_what_adds_up_is_sent_again_only_where_it_was_not_carried_out(
    monkeypatch: pytest.MonkeyPatch, first: Response | TransportError
) -> None:
    subject, asked = service(monkeypatch, first, refused("NotFoundException"))
    with pytest.raises((ServiceError, TransportError)):
        subject.call("Decrypt", {}, repeatable=False)
    assert len(asked) == (2 if first in NOT_CARRIED_OUT.values() else 1)


def test_a_refusal_has_the_code_without_its_namespace_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    document = b'{"__type": "com.amazonaws.kms#DisabledException", "message": "arn is disabled."}'
    subject, asked = service(monkeypatch, Response(400, document, "R1"))
    with pytest.raises(ServiceError, match=r"^400 DisabledException: arn is disabled\.$") as raised:
        subject.call("Decrypt", {})
    assert len(asked) == 1
    assert raised.value.log_fields == {
        "aws_operation": "Decrypt",
        "aws_code": "DisabledException",
        "aws_request_id": "R1",
        "status": 400,
    }


@pytest.mark.parametrize("status", [403, 500])
def test_an_error_counts_whatever_became_of_its_body(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    cut = TransportError("cut", sent=True, status=status, request_id="R1")
    subject, asked = service(monkeypatch, cut, cut, cut)
    with pytest.raises(ServiceError) as raised:
        subject.call("Decrypt", {})
    assert (raised.value.status, raised.value.request_id, len(asked)) == (status, "R1", 3)


def test_a_byte_order_mark_before_the_document_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, _ = service(monkeypatch, Response(200, b'\xef\xbb\xbf{"Plaintext": ""}'))
    assert subject.call("Decrypt", {}) == {"Plaintext": ""}


def test_the_error_of_the_last_of_three_tries_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, asked = service(
        monkeypatch, Response(500, b""), TransportError("timeout", sent=True), refused("ThrottlingException")
    )
    with pytest.raises(ServiceError, match="ThrottlingException"):
        subject.call("Decrypt", {})
    assert len(asked) == 3


def test_there_is_no_further_try_behind_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, asked = service(monkeypatch, refused("ThrottlingException"), OK)
    with deadline(0), pytest.raises(ServiceError, match="ThrottlingException"):
        subject.call("Decrypt", {})
    assert len(asked) == 1


def test_the_tries_of_a_transaction_are_one_to_dynamodb(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that arrives late, behind another that was carried out, writes nothing."""
    subject, asked = service(monkeypatch, PERHAPS_CARRIED_OUT["lost"], Response(200, b"{}"), Response(200, b"{}"))
    monkeypatch.setattr(clients, "dynamodb", lambda: subject)
    for _ in range(2):
        put_atomically([(Table("a"), {"PK": "1"}), (Table("b"), {"PK": "1"})])
    first, second, another = [json.loads(request.body)["ClientRequestToken"] for request in asked]
    assert first == second != another


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
    aws_settings.session.cache_clear()
    yield monkeypatch
    aws_settings.session.cache_clear()


def test_without_keys_in_the_environment_botocores_chain_is_asked(alone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(TransportError) as raised:
        aws_settings.credentials()
    assert not raised.value.sent

    profiles = tmp_path / "credentials"
    profiles.write_text("[default]\naws_access_key_id=ASIA\naws_secret_access_key=chain\naws_session_token=token\n")
    alone.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    aws_settings.session.cache_clear()
    assert aws_settings.credentials() == Credentials("ASIA", "chain", "token")


def test_a_chain_that_fails_is_no_answer_and_asked_anew_the_next_time(alone: pytest.MonkeyPatch, refusing: str) -> None:
    """What a restored snapshot is given its keys by is a place that may not answer."""
    alone.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    alone.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{refusing}/400")
    for _ in range(2):
        with pytest.raises(TransportError) as raised:
            aws_settings.credentials()
        assert not raised.value.sent
    alone.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    alone.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert aws_settings.credentials() == Credentials("AKIA", "secret", None)


def test_without_a_region_there_is_no_answer(alone: pytest.MonkeyPatch) -> None:
    with pytest.raises(TransportError):
        aws_settings.region()
    alone.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    assert aws_settings.region() == "sa-east-1"


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
    assert aws_settings.endpoint(service, region) == expected
