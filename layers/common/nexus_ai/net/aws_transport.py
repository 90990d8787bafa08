"""Send POST requests to one AWS endpoint over libcurl, without ever sending a request twice.

libcurl repeats a request by itself if a kept connection ends before any response, so an increment could count twice. It
cannot repeat a body that it reads from a function and cannot rewind. Every body is therefore passed that way.
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

# DynamoDB returns at most 1 MB of items. The same items take more bytes as JSON.
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
# Shorter than the idle timeouts of AWS and NAT gateways, so few requests meet a connection that the peer has closed.
KEEP_ALIVE_S = 30.0
MAX_IDLE_CONNECTIONS = 64
# Turns off headers that libcurl adds by itself and AWS does not need.
_NO_DEFAULTS = ("expect:", "accept:")
_NO_SOCKET = -1


class TransportError(Exception):
    """Request without a usable response.

    Attributes:
        reason: A few words of libcurl or of this package, never of the peer.
        sent: False only if the request certainly did not arrive.
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
        """Return the fields of the error that may be logged."""
        return {
            "reason": self.reason,
            "sent": self.sent,
            "status": self.status,
            "aws_request_id": self.request_id,
        }


@dataclass(frozen=True, slots=True)
class Request:
    """Signed POST request. `operation` is AWS's name of the operation."""

    operation: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """Response of any status, with AWS's id of the request if it was received."""

    status: int
    body: bytes
    request_id: str | None = None


type Send = Callable[[Request], Response]


class AwsTransport:
    """Sender of requests to one URL over kept connections. It is safe to share between threads."""

    def __init__(self, url: str, *, connect_timeout_s: float, timeout_s: float) -> None:
        self._url = url
        self._connect_timeout_s = connect_timeout_s
        self._timeout_s = timeout_s
        # A stack: the connection used last is used next, so surplus ones expire. A deque's pop and append are atomic.
        self._idle: deque[_Connection] = deque(maxlen=MAX_IDLE_CONNECTIONS)

    def __call__(self, request: Request) -> Response:
        """Return the response with any status, within the timeout and the caller's deadline.

        Raises:
            TransportError: There was no complete response.
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
            # Interrupted during the exchange: the rest of the response may still arrive on this connection.
            connection.close()
            raise
        self._idle.append(connection)
        return response

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()


class _Connection:
    """libcurl handle that keeps one connection and the certificate authorities that it has read."""

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
        # No DNS cache: libcurl measures its age by a clock that may stop while a function is frozen.
        curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(connect_timeout_s))
        curl.setopt(pycurl.MAXFILESIZE_LARGE, MAX_RESPONSE_BYTES)
        # Methods in C, so no Python code runs and no signal is handled during an exchange.
        curl.setopt(pycurl.WRITEFUNCTION, self._body.write)
        curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        if urlsplit(url).scheme == "http":
            # The environment's proxy is for AWS, not for an emulator on this machine.
            curl.setopt(pycurl.PROXY, "")
        else:
            curl.setopt(pycurl.CAINFO, tls.aws_authorities())
            curl.setopt(pycurl.PROXY_CAINFO, tls.aws_authorities())

    def exchange(self, request: Request, seconds: float) -> Response:
        curl, source = self._curl, BytesIO(request.body)
        curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(request.body))
        # No SEEKFUNCTION: libcurl does not repeat a request whose body it cannot rewind.
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
        """Return True if the kept connection is recent, is open, and has received nothing since its last response.

        libcurl does not check this within a second of the last exchange. Age is measured by the wall clock, because the
        monotonic clock stops while a function is frozen.
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
        checksum, request_id = _checksum_and_request_id(self._head)
        # DynamoDB sends the CRC32 of its body.
        if checksum and checksum != b"%d" % zlib.crc32(body):
            raise TransportError("wrong checksum", sent=True, status=status, request_id=request_id)
        return Response(status, body, request_id)

    def _failure(self, error: pycurl.error, source: BytesIO) -> TransportError:
        # libcurl does not count the bytes of a CONNECT request to a proxy.
        sent = self._curl.getinfo(pycurl.REQUEST_SIZE) > 0 or source.tell() > 0
        status = self._curl.getinfo(pycurl.RESPONSE_CODE) if sent else 0
        reason = pycurl.easy_strerror(int(error.args[0]))
        request_id = _checksum_and_request_id(self._head)[1] if status else None
        return TransportError(reason, sent=sent, status=status or None, request_id=request_id)


def _milliseconds(seconds: float) -> int:
    # To libcurl, 0 means no timeout.
    return max(1, int(seconds * 1000))


def _lines(headers: Mapping[str, str]) -> list[str]:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    # libcurl would send a line break inside a value, and so another header (RFC 9110, section 5.5).
    if not all(map(str.isprintable, lines)):
        raise ValueError("a header has more than one line")
    lines.extend(_NO_DEFAULTS)
    return lines


def _checksum_and_request_id(lines: Sequence[bytes]) -> tuple[bytes, str | None]:
    """Return the checksum and the request id from the headers of the final response."""
    checksum, request_id, is_head = b"", None, False
    for line in lines:
        name, _, value = line.partition(b":")
        if line.startswith(b"HTTP/"):
            # A new head begins. Forget that of an interim response or of a proxy before it.
            checksum, request_id, is_head = b"", None, True
        elif not line.strip():
            # The head ends here. Later lines are trailers.
            is_head = False
        elif is_head and (name := name.lower()) == b"x-amz-crc32":
            checksum = value.strip()
        elif is_head and name == b"x-amzn-requestid":
            request_id = value.strip().decode("ascii", "replace")
    return checksum, request_id
