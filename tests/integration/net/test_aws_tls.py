"""Test TLS and proxies on the way to AWS: which certificates are trusted, and what others can see."""

import os
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from nexus_ai.net.aws_transport import KEEP_ALIVE_S, AwsTransport, Request, TransportError
from tests.integration.support.certificates import certified, server_context
from tests.integration.support.raw_server import OK, RawServer, Script, raw_server, responding

LONG_S = 20


@pytest.fixture(autouse=True)
def no_authority_or_proxy_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    named = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    for name in [name for name in os.environ if name in named or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def over_tls(certificate: Path) -> Script:
    """Respond to each request with OK."""
    context = server_context(certificate)

    def script(server: RawServer, connection: socket.socket) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as encrypted:
            while server.receive(encrypted) is not None:
                encrypted.sendall(OK)

    return script


@contextmanager
def transport_to(port: int, scheme: str = "https") -> Generator[AwsTransport]:
    url = f"{scheme}://127.0.0.1:{port}"
    with closing(AwsTransport(url, connect_timeout_s=LONG_S, timeout_s=LONG_S)) as transport:
        yield transport


def send(transport: AwsTransport, body: bytes = b"{secret}") -> int:
    return transport(Request("GetItem", {"content-type": "application/x-amz-json-1.0"}, body)).status


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_authority_named_in_the_environment_is_trusted(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = certified(tmp_path, "127.0.0.1")
    monkeypatch.setenv(name, str(certificate))
    with raw_server(over_tls(certificate)) as server, transport_to(server.port) as transport:
        assert [send(transport, body) for body in (b"{1}", b"{2}")] == [200, 200]
        assert (server.connections, server.requests) == (1, [b"{1}", b"{2}"])


def test_authorities_are_read_once_for_all_connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Reading certifi's authorities takes more CPU than a whole request to AWS."""
    certificate = certified(tmp_path, "127.0.0.1")
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(certificate.read_bytes())
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authorities))
    with raw_server(over_tls(certificate)) as server, transport_to(server.port) as transport:
        assert send(transport) == 200
        authorities.unlink()
        now_s = time.time()
        monkeypatch.setattr(time, "time", lambda: now_s + KEEP_ALIVE_S)
        assert (send(transport), server.connections) == (200, 2)


@pytest.mark.parametrize(("address", "is_known"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_nothing_is_sent_to_an_untrusted_server(
    address: str, *, is_known: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = certified(tmp_path, address)
    if is_known:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with raw_server(over_tls(certificate)) as server, transport_to(server.port) as transport:
        with pytest.raises(TransportError) as raised:
            send(transport)
        assert (raised.value.sent, server.requests) == (False, [])


def test_old_tls_version_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = certified(tmp_path, "127.0.0.1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    context = server_context(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    def old(_: RawServer, connection: socket.socket) -> None:
        with suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    with raw_server(old) as server, transport_to(server.port) as transport:
        with pytest.raises(TransportError) as raised:
            send(transport)
        assert not raised.value.sent


def proxy(status: int, then: Script, heads: list[bytes]) -> Script:
    """Respond to CONNECT with a status, and continue with `then` if it is 200."""

    def script(server: RawServer, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65_536)
        heads.append(head)
        connection.sendall(b"HTTP/1.1 %d Said\r\nx-amzn-requestid: of the proxy\r\n\r\n" % status)
        if status == 200:
            then(server, connection)
        else:
            heads.append(connection.recv(65_536))

    return script


def test_proxy_connects_and_sees_no_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = certified(tmp_path, "127.0.0.1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    heads: list[bytes] = []
    # Nothing listens on the requested port: the server that responds is reached through the proxy only.
    with raw_server(proxy(200, over_tls(certificate), heads)) as server, transport_to(9) as transport:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{server.port}")
        assert [send(transport) for _ in range(2)] == [200, 200]

    (head,) = heads
    assert head.startswith(b"CONNECT 127.0.0.1:9 HTTP/1.1\r\n")
    assert b"proxy-authorization: basic " + b64encode(b"me:p@ss").lower() in head.lower()
    assert b"secret" not in head
    assert server.requests == [b"{secret}"] * 2


def stay_silent(_server: RawServer, _connection: socket.socket) -> None:
    """Leave the connection as it is."""


@pytest.mark.parametrize("status", [403, 407, 502])
def test_request_refused_by_the_proxy_is_unsent(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []
    with raw_server(proxy(status, stay_silent, heads)) as server, transport_to(9) as transport:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
        with pytest.raises(TransportError) as raised:
            send(transport)
    error = raised.value
    assert (error.sent, error.status, error.request_id) == (False, None, None)
    assert heads[1:] == [b""]


@pytest.mark.parametrize("named", ["http://127.0.0.1:x", "socks5://127.0.0.1:9", "gopher://127.0.0.1:9"])
def test_unusable_proxy_is_not_bypassed(named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = certified(tmp_path, "127.0.0.1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("HTTPS_PROXY", named)
    with raw_server(over_tls(certificate)) as server, transport_to(server.port) as transport:
        with pytest.raises(TransportError) as raised:
            send(transport)
        assert (raised.value.sent, server.connections) == (False, 0)


def test_no_proxy_variable_is_respected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = certified(tmp_path, "127.0.0.1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    with raw_server(over_tls(certificate)) as server, transport_to(server.port) as transport:
        assert send(transport) == 200


def test_local_emulator_is_called_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with responding() as server, transport_to(server.port, "http") as transport:
        assert send(transport) == 200
