"""Test that adapters read every form of response that httpx reads."""

import gzip
import zlib
from collections.abc import Callable
from typing import Final

import pytest

from nexus_ai.net.response_body import MAX_BODY_BYTES
from nexus_ai.providers.base import FailureKind
from tests.contract.adapters import AdapterClient
from tests.contract.wire import Payload, ProviderServer, closes, payload, responds, sends_raw

BOM: Final = b"\xef\xbb\xbf"


def with_length(body: bytes, *lines: str, version: str = "1.1") -> bytes:
    """Return a response with Content-Length and these header lines."""
    return with_head(body, f"Content-Length: {len(body)}", *lines, version=version)


def with_head(body: bytes, *lines: str, version: str = "1.1") -> bytes:
    head = [f"HTTP/{version} 200 OK", "Content-Type: application/json", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def in_chunks(body: bytes, size: str = "{:x}\r\n", end: bytes = b"0\r\n\r\n") -> bytes:
    """Return the body in two chunks; `size` is the format of the line with a chunk's size."""
    chunks = (body[:7], body[7:])
    framed = b"".join(size.format(len(chunk)).encode() + chunk + b"\r\n" for chunk in chunks)
    return with_head(framed + end, "Transfer-Encoding: chunked")


def bare_line_feeds(body: bytes) -> bytes:
    return with_length(b"").replace(b"\r\n", b"\n").replace(b"Length: 0", f"Length: {len(body)}".encode()) + body


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


FRAMINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "chunks": in_chunks,
    "chunk sizes with spaces": lambda body: in_chunks(body, "{:x}  \r\n"),
    "chunk sizes in capitals with zeros": lambda body: in_chunks(body, "000{:X}\r\n"),
    "chunk extensions": lambda body: in_chunks(body, '{:x};name="value"\r\n'),
    "trailers": lambda body: in_chunks(body, end=b"0\r\nX-Checksum: 1\r\nX-More: 2\r\n\r\n"),
    "a folded header": lambda body: with_length(body, "X-Long: one", " two", "\tthree"),
    "bare line feeds in the head": bare_line_feeds,
    "Content-Length twice": lambda body: with_length(body, f"Content-Length: {len(body)}"),
    "Content-Length as a list": lambda body: with_head(body, f"Content-Length: {len(body)}, {len(body)}"),
    "no reason phrase": lambda body: with_length(body).replace(b"200 OK", b"200"),
    "a header outside ASCII": lambda body: with_length(body, "X-Name: Gonçalves"),
    "headers of 60 KB": lambda body: with_length(body, *(f"X-{number}: {'x' * 1000}" for number in range(60))),
    "100 and 103 before the response": lambda body: (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n" + with_length(body)
    ),
    "a byte order mark": lambda body: with_length(BOM + body),
    "an unknown encoding": lambda body: with_length(body, "Content-Encoding: utf-8"),
    "encoding none": lambda body: with_length(body, "Content-Encoding: none"),
    "an empty encoding": lambda body: with_length(body, "Content-Encoding:"),
    "identity": lambda body: with_length(body, "Content-Encoding: identity"),
    "gzip": lambda body: with_length(gzip.compress(body), "Content-Encoding: gzip"),
    "gzip in capitals and a list": lambda body: with_length(gzip.compress(body), "Content-Encoding: Identity, GZIP"),
    "gzip in chunks with a mark": lambda body: in_chunks(gzip.compress(BOM + body)).replace(
        b"Transfer", b"Content-Encoding: x-gzip\r\nTransfer"
    ),
    "deflate": lambda body: with_length(zlib.compress(body), "Content-Encoding: deflate"),
    "deflate without its header": lambda body: with_length(raw_deflate(body), "Content-Encoding: deflate"),
}
UNTIL_THE_END: Final[dict[str, Callable[[bytes], bytes]]] = {
    "HTTP/1.1 without a length": with_head,
    "HTTP/1.0 without a length": lambda body: with_head(body, version="1.0"),
    "HTTP/1.0 with a length": lambda body: with_length(body, version="1.0"),
    "Connection: close": lambda body: with_length(body, "Connection: close"),
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_framing_that_httpx_reads_is_read(client: AdapterClient, server: ProviderServer, framing: str) -> None:
    response = payload(client.name, "text")
    server.set_behaviour(sends_raw(FRAMINGS[framing](response.body)))

    assert [client.complete().text for _ in range(2)] == [response.expect["text"]] * 2
    assert len(server.requests) == 2


@pytest.mark.parametrize("framing", UNTIL_THE_END)
def test_response_ended_by_its_connection_is_read(client: AdapterClient, server: ProviderServer, framing: str) -> None:
    response = payload(client.name, "text")
    server.set_behaviour(closes(after=UNTIL_THE_END[framing](response.body)))

    assert [client.complete().text for _ in range(2)] == [response.expect["text"]] * 2
    assert len(server.requests) == 2


def test_text_arrives_unchanged_in_every_encoding(client: AdapterClient, server: ProviderServer) -> None:
    odd = '\ufeffPreço: "R$ 9,90" \\ {{nome}}\n\t☕👩🏽‍💻 <b>&amp;</b> \u0000 e\u0301 \u2028 \ufeff'
    response = payload(client.name, "text").with_text(odd)
    for framing in ("chunks", "gzip", "deflate", "a byte order mark"):
        server.set_behaviour(sends_raw(FRAMINGS[framing](response.body)))
        assert client.complete().text == odd


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "br"])
def test_body_in_another_encoding_than_declared_is_malformed(
    client: AdapterClient, server: ProviderServer, encoding: str
) -> None:
    packed = b"\x1f\x8b\x08 and so on" * 20
    server.set_behaviour(sends_raw(with_length(packed, f"Content-Encoding: {encoding}")))

    failure = client.failure()

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.MALFORMED, 200, True)


def test_compression_is_not_requested_and_is_bounded(client: AdapterClient, server: ProviderServer) -> None:
    response = payload(client.name, "text")
    packed = gzip.compress(response.body + b" " * MAX_BODY_BYTES)
    server.set_behaviour(responds(Payload(200, {**response.headers, "content-encoding": "gzip"}, packed, {})))

    assert client.failure().kind is FailureKind.MALFORMED
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_endless_head_is_a_reset(client: AdapterClient, server: ProviderServer) -> None:
    server.set_behaviour(closes(after=b"HTTP/1.1 200 OK\r\n" + b"X-More: 1\r\n" * 100_000))

    failure = client.failure()

    assert (failure.kind, failure.sent, failure.status) == (FailureKind.RESET, True, None)


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", b"\x16\x03\x01\x00\x05hello"])
def test_unrequested_protocol_is_a_reset(client: AdapterClient, server: ProviderServer, unasked: bytes) -> None:
    server.set_behaviour(closes(after=unasked))

    assert client.failure().kind is FailureKind.RESET
