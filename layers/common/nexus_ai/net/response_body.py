"""Decode the body of a response while its chunks arrive, bounded before and after decompression."""

import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator

MAX_BODY_BYTES = 8 * 1024 * 1024
# Largest output of one decompression step, so that a small chunk cannot expand without bound.
_STEP_BYTES = 64 * 1024
# zlib detects which of the two headers a body has.
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_NO_HEADER = -zlib.MAX_WBITS
_COMPRESSED = frozenset({b"gzip", b"x-gzip", b"deflate"})


class UnreadableBodyError(Exception):
    """Body that is too large or cannot be decompressed."""


def decoded(chunks: Iterable[bytes], encodings: bytes) -> Iterator[bytes]:
    """Return the decompressed chunks of a body, without a byte order mark.

    Unknown encodings are ignored, as in httpx: some servers name an encoding and send plain text.

    Args:
        chunks: The body as it arrives.
        encodings: The value of Content-Encoding.

    Raises:
        UnreadableBodyError: The body has more than `MAX_BODY_BYTES`, or does not match `encodings`.
    """
    known = [name for name in map(bytes.strip, encodings.lower().split(b",")) if name in _COMPRESSED]
    if len(known) > 1:
        raise UnreadableBodyError("compressed more than once")
    chunks = _bounded(chunks)
    if known:
        chunks = _bounded(_decompressed(chunks, is_deflate=known == [b"deflate"]))
    return _without_bom(chunks)


def _bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise UnreadableBodyError("too large")
        yield chunk


def _decompressed(chunks: Iterable[bytes], *, is_deflate: bool) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
    # Some servers send "deflate" without the header that RFC 9110 requires (section 8.4.1.2).
    may_lack_header = is_deflate
    try:
        for chunk in chunks:
            compressed = chunk
            while compressed:
                try:
                    plain = decompressor.decompress(compressed, _STEP_BYTES)
                except zlib.error:
                    if not may_lack_header:
                        raise
                    decompressor = zlib.decompressobj(_NO_HEADER)
                    plain = decompressor.decompress(compressed, _STEP_BYTES)
                may_lack_header = False
                yield plain
                compressed = decompressor.unconsumed_tail
        yield decompressor.flush()
    except zlib.error as error:
        raise UnreadableBodyError("not compressed as it says") from error


def _without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the body without a byte order mark.

    JSON parsers may ignore one (RFC 8259, section 8.1), and SSE parsers must, but not all of them do.
    """
    rest = iter(chunks)
    start = b""
    while len(start) < len(BOM_UTF8) and (chunk := next(rest, None)) is not None:
        start += chunk
    yield start.removeprefix(BOM_UTF8)
    yield from rest
