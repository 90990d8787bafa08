"""urllib3's pools, of connections that are not used again once they were idle for too long.

A function stands still between its calls, and whoever ends a connection meanwhile may not get through to it: it then
looks whole, and what is sent over it is lost. Imported with the first call, as urllib3 is.
"""

import time

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

# As in AWS's SDK for Java. A NAT gateway forgets a connection that was idle for 350 s.
IDLE_S = 60


class _Plain(HTTPConnection):
    # By the clock on the wall, which goes on while a function stands still.
    _answered_at = 0.0

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        answer = super().getresponse()
        self._answered_at = time.time()
        return answer

    @property
    def is_connected(self) -> bool:
        """What a pool asks before it uses a connection again; it opens another one where this is False."""
        return abs(time.time() - self._answered_at) < IDLE_S and super().is_connected


class _Tls(_Plain, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain  # pyright: ignore[reportAssignmentType]


class TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls  # pyright: ignore[reportAssignmentType]
