"""AWS Signature Version 4, for a call of a service that speaks JSON. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""

import hashlib
import hmac
import time
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit


class Credentials(NamedTuple):
    """What a request is signed with; `token` goes with keys that end."""

    access_key: str
    secret_key: str
    token: str | None


@lru_cache(maxsize=16)
def _place(url: str) -> tuple[str, str]:
    """Host and path."""
    parts = urlsplit(url)
    return parts.netloc, parts.path or "/"


def signed(
    url: str, content_type: str, target: str, body: bytes, *, keys: Credentials, service: str, region: str, at_s: float
) -> dict[str, str]:
    """The headers of the call at that time, with those that carry the signature; names are in small letters."""
    host, path = _place(url)
    stamp = _stamp(int(at_s))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    headers = {"content-type": content_type, "host": host, "x-amz-date": stamp}
    # In the order of the alphabet, as the signature wants them.
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    headers["x-amz-target"] = target
    names = ";".join(headers)
    lines = "".join([f"{name}:{value}\n" for name, value in headers.items()])
    canonical = f"POST\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(keys.secret_key, scope), to_sign.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


@lru_cache(maxsize=4)
def _stamp(at_s: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_s))


# One a service and day, as long as the credentials last.
@lru_cache(maxsize=4)
def _signing_key(secret_key: str, scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
