"""The body of a response as its chunks arrive: bounded before and after it is decompressed."""

import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator

MAX_BODY_BYTES = 8 * 1024 * 1024
# Of what one step of decompression gives, so that a small chunk cannot become a large one.
_STEP_BYTES = 64 * 1024
# zlib finds out by itself which of the two headers there is.
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_NO_HEADER = -zlib.MAX_WBITS
_COMPRESSED = frozenset({b"gzip", b"x-gzip", b"deflate"})


class UnreadableBodyError(Exception):
    """A body over the bound, or one that cannot be decompressed."""


def decoded(chunks: Iterable[bytes], encodings: bytes) -> Iterator[bytes]:
    """Return a body as it was before it was encoded, without a byte order mark.

    An encoding that is not known is ignored, as httpx does: servers name all sorts of them and send plain text.

    Args:
        chunks: The body as it arrives.
        encodings: The value of Content-Encoding.

    Raises:
        UnreadableBodyError: The body has more than `MAX_BODY_BYTES`, or is not what `encodings` says.
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
    # Some servers send "deflate" without the header that RFC 9110 demands (section 8.4.1.2).
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
    """Parsers may ignore a byte order mark before JSON (RFC 8259, section 8.1); SSE demands it. Not all do."""
    rest = iter(chunks)
    start = b""
    while len(start) < len(BOM_UTF8) and (chunk := next(rest, None)) is not None:
        start += chunk
    yield start.removeprefix(BOM_UTF8)
    yield from rest
