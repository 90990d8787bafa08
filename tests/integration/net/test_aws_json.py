"""Test requests to AWS: signed as botocore signs them, and repeated only if that is safe."""

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
def test_request_is_signed_as_by_botocore(body: bytes, secret: str, token: str | None, url: str) -> None:
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.GetItem"}
    expected = AWSRequest("POST", url, headers=headers, data=body)
    expected.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(BotocoreCredentials("AKIA", secret, token), "dynamodb", "sa-east-1")
    expected.headers["X-Amz-Date"] = expected.context["timestamp"]
    if token:
        expected.headers["X-Amz-Security-Token"] = token
    signature = signer.signature(signer.string_to_sign(expected, signer.canonical_request(expected)), expected)

    keys = Credentials("AKIA", secret, token)
    content_type, target = headers.values()
    at_s = NOW.timestamp()
    headers_of_ours = signed(
        url, content_type, target, body, keys=keys, service="dynamodb", region="sa-east-1", at_s=at_s
    )

    assert headers_of_ours["authorization"].rpartition("Signature=")[2] == signature
    assert headers_of_ours["host"] == urlsplit(url).netloc


class RefusingHandler(BaseHTTPRequestHandler):
    """Server that refuses every request for credentials."""

    def do_GET(self) -> None:
        self.send_error(400)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass


@pytest.fixture
def refusing_server() -> Generator[str]:
    with HTTPServer(("127.0.0.1", 0), RefusingHandler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def service(
    monkeypatch: pytest.MonkeyPatch, *responses: Response | TransportError
) -> tuple[AwsJsonClient, list[Request]]:
    """Return a client whose transport gives these responses in turn, and the list of its requests."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    requests: list[Request] = []
    remaining = iter(responses)

    def send(request: Request) -> Response:
        requests.append(request)
        response = next(remaining)
        if isinstance(response, TransportError):
            raise response
        return response

    return AwsJsonClient(
        "kms", "TrentService", "application/x-amz-json-1.1", pause_s=0, connect=lambda _: send
    ), requests


OK = Response(200, b'{"Plaintext": ""}')


def refused(code: str, status: int = 400) -> Response:
    return Response(status, b'{"__type": "com.amazonaws.dynamodb.v20120810#%s"}' % code.encode())


CERTAINLY_NOT_CARRIED_OUT = {
    code: refused(code)
    for code in (
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionCanceledException",
        "TransactionConflictException",
    )
} | {"never sent": TransportError("refused", sent=False)}
# It is unknown if the operation was carried out.
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
FIRST_RESPONSES = CERTAINLY_NOT_CARRIED_OUT | PERHAPS_CARRIED_OUT


@pytest.mark.parametrize("first", FIRST_RESPONSES.values(), ids=FIRST_RESPONSES)
def test_repeatable_request_is_sent_again(monkeypatch: pytest.MonkeyPatch, first: Response | TransportError) -> None:
    subject, requests = service(monkeypatch, first, OK)
    assert subject.call("Decrypt", {}) == {"Plaintext": ""}
    assert [request.headers["x-amz-target"] for request in requests] == ["TrentService.Decrypt"] * 2


@pytest.mark.parametrize("first", FIRST_RESPONSES.values(), ids=FIRST_RESPONSES)
def test_unrepeatable_request_is_sent_again_only_if_not_carried_out(
    monkeypatch: pytest.MonkeyPatch, first: Response | TransportError
) -> None:
    subject, requests = service(monkeypatch, first, refused("NotFoundException"))
    with pytest.raises((ServiceError, TransportError)):
        subject.call("Decrypt", {}, repeatable=False)
    assert len(requests) == (2 if first in CERTAINLY_NOT_CARRIED_OUT.values() else 1)


def test_refusal_has_a_short_code_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    document = b'{"__type": "com.amazonaws.kms#DisabledException", "message": "arn is disabled."}'
    subject, requests = service(monkeypatch, Response(400, document, "R1"))
    with pytest.raises(ServiceError, match=r"^400 DisabledException: arn is disabled\.$") as raised:
        subject.call("Decrypt", {})
    assert len(requests) == 1
    assert raised.value.log_fields == {
        "aws_operation": "Decrypt",
        "aws_code": "DisabledException",
        "aws_request_id": "R1",
        "status": 400,
    }


@pytest.mark.parametrize("status", [403, 500])
def test_error_status_counts_without_its_body(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    cut = TransportError("cut", sent=True, status=status, request_id="R1")
    subject, requests = service(monkeypatch, cut, cut, cut)
    with pytest.raises(ServiceError) as raised:
        subject.call("Decrypt", {})
    assert (raised.value.status, raised.value.request_id, len(requests)) == (status, "R1", 3)


def test_byte_order_mark_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, _ = service(monkeypatch, Response(200, b'\xef\xbb\xbf{"Plaintext": ""}'))
    assert subject.call("Decrypt", {}) == {"Plaintext": ""}


def test_error_of_the_last_of_three_attempts_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, requests = service(
        monkeypatch, Response(500, b""), TransportError("timeout", sent=True), refused("ThrottlingException")
    )
    with pytest.raises(ServiceError, match="ThrottlingException"):
        subject.call("Decrypt", {})
    assert len(requests) == 3


def test_no_attempt_starts_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, requests = service(monkeypatch, refused("ThrottlingException"), OK)
    with deadline(0), pytest.raises(ServiceError, match="ThrottlingException"):
        subject.call("Decrypt", {})
    assert len(requests) == 1


def test_attempts_of_a_transaction_share_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repetition that arrives late, after another was carried out, writes nothing."""
    subject, requests = service(monkeypatch, PERHAPS_CARRIED_OUT["lost"], Response(200, b"{}"), Response(200, b"{}"))
    monkeypatch.setattr(clients, "dynamodb", lambda: subject)
    for _ in range(2):
        put_atomically([(Table("a"), {"PK": "1"}), (Table("b"), {"PK": "1"})])
    first, second, another = [json.loads(request.body)["ClientRequestToken"] for request in requests]
    assert first == second != another


def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Generator[pytest.MonkeyPatch]:
    """Remove all AWS variables, and give botocore a new session."""
    without_variables(monkeypatch)
    aws_settings.session.cache_clear()
    yield monkeypatch
    aws_settings.session.cache_clear()


def test_credentials_come_from_botocores_chain(clean_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(TransportError) as raised:
        aws_settings.credentials()
    assert not raised.value.sent

    profiles = tmp_path / "credentials"
    profiles.write_text("[default]\naws_access_key_id=ASIA\naws_secret_access_key=chain\naws_session_token=token\n")
    clean_environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    aws_settings.session.cache_clear()
    assert aws_settings.credentials() == Credentials("ASIA", "chain", "token")


def test_failed_credential_chain_is_tried_again_next_time(
    clean_environment: pytest.MonkeyPatch, refusing_server: str
) -> None:
    """A restored snapshot gets its credentials from an endpoint that may not respond."""
    clean_environment.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    clean_environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{refusing_server}/400")
    for _ in range(2):
        with pytest.raises(TransportError) as raised:
            aws_settings.credentials()
        assert not raised.value.sent
    clean_environment.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    clean_environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert aws_settings.credentials() == Credentials("AKIA", "secret", None)


def test_missing_region_is_a_transport_error(clean_environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(TransportError):
        aws_settings.region()
    clean_environment.setenv("AWS_DEFAULT_REGION", "sa-east-1")
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
def test_service_endpoint_is_that_of_botocore(
    clean_environment: pytest.MonkeyPatch, service: str, region: str, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        clean_environment.setenv(name, value)
    expected: str = Session().create_client(service, region_name=region).meta.endpoint_url
    assert aws_settings.endpoint(service, region) == expected
