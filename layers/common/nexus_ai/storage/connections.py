"""Kept connections to a service of AWS, and what goes over them."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nexus_ai.core import tls

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool


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


class Pool:
    """Sends requests to one place, over at most `connections` kept connections."""

    def __init__(self, url: str, *, connect_timeout_s: float, read_timeout_s: float, connections: int) -> None:
        from urllib3 import Timeout  # noqa: PLC0415 (with the first call)

        self._timeout = Timeout(connect=connect_timeout_s, read=read_timeout_s)
        self._pool = _pool(url, connections)
        self._path = urlsplit(url).path or "/"

    def __call__(self, request: Request) -> Response:
        """Raises NoAnswer."""
        from urllib3 import exceptions  # noqa: PLC0415

        try:
            answer = self._pool.urlopen(
                "POST", self._path, body=request.body, headers=request.headers, timeout=self._timeout, retries=False
            )
        except (exceptions.ConnectTimeoutError, exceptions.NewConnectionError) as error:
            raise NoAnswer(sent=False) from error
        except (exceptions.HTTPError, OSError) as error:
            raise NoAnswer(sent=True) from error
        # DynamoDB's own check of what it answers.
        told = answer.headers.get("x-amz-crc32")
        if told and told != str(zlib.crc32(answer.data)):
            raise NoAnswer(sent=True)
        return Response(answer.status, answer.data)


def _pool(url: str, connections: int) -> "HTTPConnectionPool":
    """To the place itself, or through the proxy that the environment names for it."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415

    from urllib3 import PoolManager, ProxyManager  # noqa: PLC0415

    place = urlsplit(url)
    if place.scheme == "http":
        return PoolManager(maxsize=connections).connection_from_url(url)
    proxy = getproxies().get("https")
    if proxy and not proxy_bypass(place.netloc):
        return ProxyManager(proxy, maxsize=connections, ssl_context=tls.aws()).connection_from_url(url)
    return PoolManager(maxsize=connections, ssl_context=tls.aws()).connection_from_url(url)
