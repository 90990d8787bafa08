"""Sign requests to AWS services with a JSON protocol (Signature Version 4).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import time
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit


class Credentials(NamedTuple):
    """Credentials that sign a request. `token` belongs to temporary credentials."""

    access_key: str
    secret_key: str
    token: str | None


@lru_cache(maxsize=16)
def _host_and_path(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path or "/"


def signed(
    url: str, content_type: str, target: str, body: bytes, *, keys: Credentials, service: str, region: str, at_s: float
) -> dict[str, str]:
    """Return the headers of a signed POST request, with names in lower case.

    Args:
        url: The URL of the service.
        content_type: The value of Content-Type.
        target: The value of X-Amz-Target, which names the operation.
        body: The body of the request.
        keys: The credentials.
        service: The service's name in its endpoint.
        region: The region of the service.
        at_s: The time of the request in seconds since the epoch.
    """
    host, path = _host_and_path(url)
    timestamp = _timestamp(int(at_s))
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    headers = {"content-type": content_type, "host": host, "x-amz-date": timestamp}
    # The signature needs the headers in alphabetical order.
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    headers["x-amz-target"] = target
    names = ";".join(headers)
    lines = "".join([f"{name}:{value}\n" for name, value in headers.items()])
    canonical = f"POST\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(keys.secret_key, scope), to_sign.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


@lru_cache(maxsize=4)
def _timestamp(at_s: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_s))


# A signing key is valid for one service and day, while the credentials last.
@lru_cache(maxsize=4)
def _signing_key(secret_key: str, scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
