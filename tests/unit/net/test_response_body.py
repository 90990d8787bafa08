"""Test that a body is limited before and after decompression, and is not changed otherwise."""

import gzip
import random
import zlib
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_ai.net.response_body import MAX_BODY_BYTES, UnreadableBodyError, decoded

BOM = b"\xef\xbb\xbf"
COMPRESS: dict[bytes, Callable[[bytes], bytes]] = {
    b"": bytes,
    b"identity": bytes,
    b"utf-8": bytes,
    b"gzip": gzip.compress,
    b"GZip ": gzip.compress,
    b"x-gzip": gzip.compress,
    b"identity, gzip": gzip.compress,
    b"deflate": zlib.compress,
}


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


@given(body=st.binary(max_size=300), size=st.integers(1, 50), encoding=st.sampled_from(sorted(COMPRESS)))
def test_body_is_the_same_in_any_pieces(body: bytes, size: int, encoding: bytes) -> None:
    compressed = COMPRESS[encoding](body)

    assert b"".join(decoded(pieces(compressed, size), encoding)) == body.removeprefix(BOM)


@given(body=st.binary(max_size=300), size=st.integers(1, 7))
def test_one_byte_order_mark_is_removed(body: bytes, size: int) -> None:
    assert b"".join(decoded(pieces(BOM + body, size), b"")) == body


def test_large_body_is_decompressed_completely() -> None:
    body = random.Random(1).randbytes(1_000_000) + b" " * 3_000_000

    assert b"".join(decoded(pieces(gzip.compress(body), 65_536), b"gzip")) == body


def test_largest_body_is_read_and_one_byte_more_is_not() -> None:
    largest = b"x" * MAX_BODY_BYTES
    for encoding in (b"", b"gzip"):
        assert sum(map(len, decoded([COMPRESS[encoding](largest)], encoding))) == MAX_BODY_BYTES
        with pytest.raises(UnreadableBodyError):
            list(decoded([COMPRESS[encoding](largest + b"x")], encoding))


def test_endless_body_is_refused() -> None:
    with pytest.raises(UnreadableBodyError):
        for _ in decoded(repeat(b" " * 65_536), b""):
            pass


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
def test_small_chunk_is_decompressed_in_limited_pieces(encoding: bytes) -> None:
    """A hundred megabytes compressed to a hundred kilobytes: little more than the limit is ever decompressed."""
    bomb = COMPRESS[encoding](b"\0" * 100_000_000)
    sizes: list[int] = []
    with pytest.raises(UnreadableBodyError):
        sizes.extend(len(piece) for piece in decoded(pieces(bomb, 65_536), encoding))

    assert max(sizes) <= 65_536
    assert sum(sizes) <= MAX_BODY_BYTES


@pytest.mark.parametrize("encodings", [b"gzip, gzip", b"deflate,gzip", b",".join([b"gzip"] * 50)])
def test_body_compressed_more_than_once_is_refused(encodings: bytes) -> None:
    with pytest.raises(UnreadableBodyError):
        list(decoded([gzip.compress(gzip.compress(b"{}"))], encodings))


def test_body_not_compressed_as_declared_is_refused() -> None:
    compressed = gzip.compress(" ".join(map(str, range(1000))).encode())
    wrong_sum = compressed[:-8] + b"\xff" * 8
    for body in (b"{}", b"\x1f\x8b\x08\xff" * 9, wrong_sum):
        with pytest.raises(UnreadableBodyError):
            list(decoded([body], b"gzip"))


def test_cut_body_is_a_prefix() -> None:
    body = random.Random(1).randbytes(1000)

    read = b"".join(decoded([gzip.compress(body)[:-500]], b"gzip"))

    assert len(read) < len(body)
    assert body.startswith(read)
