"""Responses in every form that httpx reads: an adapter makes of each what it makes of the plain one."""

import gzip
import zlib
from collections.abc import Callable
from typing import Final

import pytest

from nexus_ai.net.response_body import MAX_BODY_BYTES
from nexus_ai.providers.base import FailureKind
from tests.contract.adapters import Called
from tests.contract.wire import Payload, Wire, answers, leaves, payload, says

BOM: Final = b"\xef\xbb\xbf"


def with_length(body: bytes, *lines: str, version: str = "1.1") -> bytes:
    """A response with these header lines and Content-Length."""
    return with_head(body, f"Content-Length: {len(body)}", *lines, version=version)


def with_head(body: bytes, *lines: str, version: str = "1.1") -> bytes:
    head = [f"HTTP/{version} 200 OK", "Content-Type: application/json", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def in_chunks(body: bytes, size: str = "{:x}\r\n", end: bytes = b"0\r\n\r\n") -> bytes:
    """The body in two chunks; `size` is how the line of a chunk's size is written."""
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
    "a header that is no ASCII": lambda body: with_length(body, "X-Name: Gonçalves"),
    "headers of 60 KB": lambda body: with_length(body, *(f"X-{number}: {'x' * 1000}" for number in range(60))),
    "100 and 103 before it": lambda body: (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n" + with_length(body)
    ),
    "a byte order mark": lambda body: with_length(BOM + body),
    "an unknown encoding": lambda body: with_length(body, "Content-Encoding: utf-8"),
    "no encoding, said so": lambda body: with_length(body, "Content-Encoding: none"),
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
def test_framing_that_httpx_reads_is_read(called: Called, vendor: Wire, framing: str) -> None:
    said = payload(called.name, "text")
    vendor.plays(says(FRAMINGS[framing](said.body)))

    assert [called.complete().text for _ in range(2)] == [said.expect["text"]] * 2
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("framing", UNTIL_THE_END)
def test_response_that_ends_with_its_connection_is_read(called: Called, vendor: Wire, framing: str) -> None:
    said = payload(called.name, "text")
    vendor.plays(leaves(after=UNTIL_THE_END[framing](said.body)))

    assert [called.complete().text for _ in range(2)] == [said.expect["text"]] * 2
    assert len(vendor.asked) == 2


def test_text_arrives_unchanged_in_every_encoding(called: Called, vendor: Wire) -> None:
    odd = '\ufeffPreço: "R$ 9,90" \\ {{nome}}\n\t☕👩🏽‍💻 <b>&amp;</b> \u0000 e\u0301 \u2028 \ufeff'
    said = payload(called.name, "text").with_text(odd)
    for framing in ("chunks", "gzip", "deflate", "a byte order mark"):
        vendor.plays(says(FRAMINGS[framing](said.body)))
        assert called.complete().text == odd


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "br"])
def test_body_that_is_not_what_it_says_is_malformed(called: Called, vendor: Wire, encoding: str) -> None:
    packed = b"\x1f\x8b\x08 and so on" * 20
    vendor.plays(says(with_length(packed, f"Content-Encoding: {encoding}")))

    failure = called.failure()

    assert (failure.kind, failure.status, failure.sent) == (FailureKind.MALFORMED, 200, True)


def test_compression_is_not_asked_for_and_bounded(called: Called, vendor: Wire) -> None:
    said = payload(called.name, "text")
    packed = gzip.compress(said.body + b" " * MAX_BODY_BYTES)
    vendor.plays(answers(Payload(200, {**said.headers, "content-encoding": "gzip"}, packed, {})))

    assert called.failure().kind is FailureKind.MALFORMED
    assert vendor.asked[0].headers["accept-encoding"] == "identity"


def test_endless_head_ends(called: Called, vendor: Wire) -> None:
    vendor.plays(leaves(after=b"HTTP/1.1 200 OK\r\n" + b"X-More: 1\r\n" * 100_000))

    failure = called.failure()

    assert (failure.kind, failure.sent, failure.status) == (FailureKind.RESET, True, None)


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", b"\x16\x03\x01\x00\x05hello"])
def test_other_protocol_is_a_reset(called: Called, vendor: Wire, unasked: bytes) -> None:
    vendor.plays(leaves(after=unasked))

    assert called.failure().kind is FailureKind.RESET
