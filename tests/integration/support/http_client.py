"""Send requests to the local API as a client does, with any bytes as the body."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

GENERATE_COPY = "/api/marketing/ai-assistant/generate-copy-v2"


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


def ask(
    url: str,
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: object = None,
    headers: Mapping[str, str] = {},
    timeout_s: float = 35,
) -> Reply:
    """Send a request and return its reply. A body of bytes is sent unchanged, any other as JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    defaults = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection = HTTPConnection(urlsplit(url).netloc, timeout=timeout_s)
    try:
        connection.request(method, path, sent, defaults | dict(headers))
        response = connection.getresponse()
        return Reply(response.status, dict(response.headers), json.loads(response.read()))
    finally:
        connection.close()
