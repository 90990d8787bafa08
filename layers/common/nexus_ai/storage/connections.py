"""What goes to a service of AWS and comes back, over kept connections."""

import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from nexus_ai.core import http1, tls
from nexus_ai.core.http1 import ExchangeFailed, Place

# DynamoDB's own bound of an answer is 1 MB of items, which JSON makes more of.
MOST_BYTES = 16 * 1024 * 1024


class NoAnswer(Exception):
    """There was no answer, or none that can be read; `sent` False is a request that has certainly not arrived."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("no answer")
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Request:
    """A POST, signed."""

    operation: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes


type Send = Callable[[Request], Response]


@dataclass(slots=True)
class _Exchange:
    """Whose time begins anew with whatever comes."""

    timeout_s: float
    sent: bool = False
    status: int | None = None

    def left(self) -> float:
        return self.timeout_s


class Connections:
    """Sends requests to one place."""

    def __init__(self, url: str, *, connect_timeout_s: float, read_timeout_s: float) -> None:
        self._place = Place.of(url)
        self._target = urlsplit(url).path or "/"
        self._timeout_s = read_timeout_s
        self._pool = http1.Pool(tls.aws, connect_timeout_s=connect_timeout_s, most_bytes=MOST_BYTES, proxy=proxy)

    def __call__(self, request: Request) -> Response:
        """Raises NoAnswer."""
        headers = {**request.headers, "content-length": str(len(request.body))}
        exchange = _Exchange(self._timeout_s)
        try:
            head = http1.head("POST", self._target, headers.items())
            answer = self._pool.exchange(self._place, head + request.body, exchange)
        except ExchangeFailed as error:
            raise NoAnswer(sent=exchange.sent) from error
        # DynamoDB's own check of what it answers.
        told = answer.header(b"x-amz-crc32")
        if told and told != [b"%d" % zlib.crc32(answer.body)]:
            raise NoAnswer(sent=True)
        return Response(answer.status, answer.body)


def proxy(place: Place) -> Place | None:
    """The proxy that the environment names for it; raises NoAnswer for one that is not spoken to in plain HTTP."""
    if place.scheme == "http" or not any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY")):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 (30 ms of a start, for the few that need it)

    named = getproxies().get("https")
    if not named or proxy_bypass(place.authority):
        return None
    try:
        found = Place.of(named if "://" in named else f"http://{named}")
    except (KeyError, ValueError):
        raise NoAnswer(sent=False) from None
    if found.scheme != "http":
        raise NoAnswer(sent=False)
    return found
