"""The context of TLS that connections to providers and to AWS share."""

import ipaddress
import ssl
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nexus_ai.core import tls
from nexus_ai.providers import registry
from nexus_ai.providers.base import ProviderName
from nexus_ai.storage.connections import Connections, NoAnswer, Request

ONE = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
NAMED = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMED, "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_all_connections_share_one_that_checks_names_and_certificates() -> None:
    assert tls.aws() is tls.vendors()
    assert (tls.aws().verify_mode, tls.aws().check_hostname) == (ssl.CERT_REQUIRED, True)
    assert tls.aws().minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("named", NAMED)
def test_other_authorities_are_taken_where_they_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str
) -> None:
    (tmp_path / "one.pem").write_text(ONE[0] + ONE[1])
    monkeypatch.setenv(named, str(tmp_path / "one.pem"))

    found = {"vendors": len(tls.vendors().get_ca_certs()), "aws": len(tls.aws().get_ca_certs())}

    assert {who for who, number in found.items() if number == 1} == {"vendors" if named == "SSL_CERT_FILE" else "aws"}


@pytest.mark.usefixtures("stack")
def test_no_sdk_reads_the_authorities_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    tls.vendors()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("authorities are read")

    monkeypatch.setattr(registry, "_made", {})
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", refuse)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", refuse)
    for name in ProviderName:
        registry.get_provider(name)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: ClassVar[int] = 0
    bodies: ClassVar[list[bytes]] = []

    def setup(self) -> None:
        Answering.connections += 1
        super().setup()

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass


def certified(folder: Path, address: str) -> Path:
    """A file with a key and a certificate for it that its own key has signed: server and authority in one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{address}.pem"
    file.write_bytes(plain + certificate.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def serving(certificate: Path) -> Generator[Connections]:
    """What sends requests to a server at 127.0.0.1 with this certificate."""
    Answering.connections = 0
    Answering.bodies.clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"https://127.0.0.1:{server.server_port}"
        to = Connections(url, connect_timeout_s=2, read_timeout_s=2)
        with closing(to._pool):  # pyright: ignore[reportPrivateUsage]
            yield to
        server.shutdown()
        thread.join()


def send(to: Connections, body: bytes) -> int:
    return to(Request("GetItem", "", {"content-type": "application/x-amz-json-1.0"}, body)).status


def test_aws_is_asked_over_a_connection_that_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = certified(tmp_path, "127.0.0.1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with serving(certificate) as to:
        assert [send(to, body) for body in (b"1", b"2")] == [200, 200]
        assert Answering.connections == 1
    assert Answering.bodies == [b"1", b"2"]


@pytest.mark.parametrize(("address", "is_known"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_nothing_is_told_to_whom_no_authority_vouches_for_or_for_another_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, is_known: bool
) -> None:
    certificate = certified(tmp_path, address)
    if is_known:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with serving(certificate) as to, pytest.raises(NoAnswer):
        send(to, b"secret")
    assert Answering.bodies == []
