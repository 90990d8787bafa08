"""HTTP/1.1 to one address of AWS over libcurl: a POST, its whole response, and nothing sent twice.

libcurl repeats a request by itself where a kept connection ends before any response, which would add up twice what adds
up. It cannot repeat a body that it reads from us and cannot rewind, so every body is given to it that way.
"""

import select
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pycurl

from nexus_ai.net import tls
from nexus_ai.net.concurrency import time_left

# DynamoDB's own bound of a response is 1 MB of items, which JSON makes more of.
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
# Shorter than AWS's and any NAT gateway's, so that few requests meet a connection that the other side left.
KEEP_ALIVE_S = 30.0
MAX_IDLE_CONNECTIONS = 64
# What libcurl would send by itself and nobody reads.
_NO_DEFAULTS = ("expect:", "accept:")
_NO_SOCKET = -1


class TransportError(Exception):
    """No usable response.

    Attributes:
        reason: A few words of libcurl's own or of ours; never any of the peer's.
        sent: False only if the request has certainly not arrived.
        status: The status that was received before the exchange broke, if any.
        request_id: AWS's id of the request, if it was received.
    """

    def __init__(self, reason: str, *, sent: bool, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.status = status
        self.request_id = request_id

    @property
    def log_fields(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "sent": self.sent,
            "status": self.status,
            "aws_request_id": self.request_id,
        }


@dataclass(frozen=True, slots=True)
class Request:
    """A signed POST. `operation` is AWS's name of it."""

    operation: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    request_id: str | None = None


type Send = Callable[[Request], Response]


class AwsTransport:
    """Sends requests to one URL over kept connections. Safe to share between threads."""

    def __init__(self, url: str, *, connect_timeout_s: float, timeout_s: float) -> None:
        self._url = url
        self._connect_timeout_s = connect_timeout_s
        self._timeout_s = timeout_s
        # The one used last is used next, so that the others grow old. `pop` and `append` of a deque are atomic.
        self._idle: deque[_Connection] = deque(maxlen=MAX_IDLE_CONNECTIONS)

    def __call__(self, request: Request) -> Response:
        """Return the response, whatever its status; it is there within the timeout and the caller's deadline.

        Raises:
            TransportError: No whole response.
        """
        seconds = min(self._timeout_s, time_left())
        if seconds <= 0:
            raise TransportError("no time left", sent=False)
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _Connection(self._url, self._connect_timeout_s)
        try:
            response = connection.exchange(request, seconds)
        except TransportError:
            self._idle.append(connection)
            raise
        except BaseException:
            # Interrupted in the middle: nobody knows what the connection still brings.
            connection.close()
            raise
        self._idle.append(connection)
        return response

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()


class _Connection:
    """A handle of libcurl that keeps one connection, and the authorities that it has read once."""

    def __init__(self, url: str, connect_timeout_s: float) -> None:
        self._curl = curl = pycurl.Curl()
        self._body = BytesIO()
        self._head: list[bytes] = []
        self._socket = _NO_SOCKET
        self._idle = select.poll()
        self._used_at = 0.0
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.USERAGENT, "nexus-ai")
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.MAXCONNECTS, 1)
        # libcurl would keep addresses by a clock that may stand still while a function is frozen.
        curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(connect_timeout_s))
        curl.setopt(pycurl.MAXFILESIZE_LARGE, MAX_RESPONSE_BYTES)
        # Methods in C: no Python code runs, and no signal is handled, within an exchange.
        curl.setopt(pycurl.WRITEFUNCTION, self._body.write)
        curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        if urlsplit(url).scheme == "http":
            # A proxy of the environment is for AWS, and not for an emulator of it on this machine.
            curl.setopt(pycurl.PROXY, "")
        else:
            curl.setopt(pycurl.CAINFO, tls.aws_authorities())
            curl.setopt(pycurl.PROXY_CAINFO, tls.aws_authorities())

    def exchange(self, request: Request, seconds: float) -> Response:
        curl, source = self._curl, BytesIO(request.body)
        curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(request.body))
        # Without a SEEKFUNCTION: what cannot be rewound is not repeated.
        curl.setopt(pycurl.READFUNCTION, source.read)
        curl.setopt(pycurl.HTTPHEADER, _lines(request.headers))
        curl.setopt(pycurl.TIMEOUT_MS, _milliseconds(seconds))
        curl.setopt(pycurl.FRESH_CONNECT, not self._is_reusable())
        try:
            curl.perform()
        except pycurl.error as error:
            raise self._failure(error, source) from None
        else:
            return self._response()
        finally:
            self._body.seek(0)
            self._body.truncate()
            self._head.clear()
            self._watch(curl.getinfo(pycurl.ACTIVESOCKET))

    def close(self) -> None:
        self._curl.close()

    def _is_reusable(self) -> bool:
        """Return whether the kept connection may be used again: not idle for long, nothing received and not closed.

        libcurl does not look within a second of the last exchange. Age is told by the wall clock, since the monotonic
        one stands still while a function is frozen.
        """
        return 0 <= time.time() - self._used_at < KEEP_ALIVE_S and not self._idle.poll(0)

    def _watch(self, socket: int) -> None:
        self._used_at = time.time()
        if socket != self._socket:
            if self._socket != _NO_SOCKET:
                self._idle.unregister(self._socket)
            if socket != _NO_SOCKET:
                self._idle.register(socket, select.POLLIN)
            self._socket = socket

    def _response(self) -> Response:
        status, body = self._curl.getinfo(pycurl.RESPONSE_CODE), self._body.getvalue()
        checksum, request_id = _told(self._head)
        # DynamoDB's own check of what it sends.
        if checksum and checksum != b"%d" % zlib.crc32(body):
            raise TransportError("wrong checksum", sent=True, status=status, request_id=request_id)
        return Response(status, body, request_id)

    def _failure(self, error: pycurl.error, source: BytesIO) -> TransportError:
        # What was said to a proxy is not counted as a request.
        sent = self._curl.getinfo(pycurl.REQUEST_SIZE) > 0 or source.tell() > 0
        status = self._curl.getinfo(pycurl.RESPONSE_CODE) if sent else 0
        reason = pycurl.easy_strerror(int(error.args[0]))
        request_id = _told(self._head)[1] if status else None
        return TransportError(reason, sent=sent, status=status or None, request_id=request_id)


def _milliseconds(seconds: float) -> int:
    # 0 is no timeout at all.
    return max(1, int(seconds * 1000))


def _lines(headers: Mapping[str, str]) -> list[str]:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    # libcurl sends what it is given, more lines included (RFC 9110, section 5.5).
    if not all(map(str.isprintable, lines)):
        raise ValueError("a header has more than one line")
    lines.extend(_NO_DEFAULTS)
    return lines


def _told(lines: Sequence[bytes]) -> tuple[bytes, str | None]:
    """Return the checksum and the request id that the response's head names."""
    checksum, request_id, is_head = b"", None, False
    for line in lines:
        name, _, value = line.partition(b":")
        if line.startswith(b"HTTP/"):
            # Behind an interim response, or a proxy's.
            checksum, request_id, is_head = b"", None, True
        elif not line.strip():
            # Trailers follow.
            is_head = False
        elif is_head and (name := name.lower()) == b"x-amz-crc32":
            checksum = value.strip()
        elif is_head and name == b"x-amzn-requestid":
            request_id = value.strip().decode("ascii", "replace")
    return checksum, request_id
