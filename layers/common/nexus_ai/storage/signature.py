"""AWS Signature Version 4, for a POST. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit


class Keys(NamedTuple):
    """What a request is signed with; `token` goes with keys that end."""

    access_key: str
    secret_key: str
    token: str | None


def signed(
    url: str, headers: Mapping[str, str], body: bytes, *, keys: Keys, service: str, region: str, now: datetime
) -> dict[str, str]:
    """The headers, their names in small letters, with those that carry the signature."""
    place = urlsplit(url)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signing = {name.lower(): value for name, value in headers.items()}
    signing |= {"host": place.netloc, "x-amz-date": stamp}
    if keys.token:
        signing["x-amz-security-token"] = keys.token
    names = ";".join(sorted(signing))
    lines = "".join(f"{name}:{signing[name]}\n" for name in sorted(signing))
    canonical = f"POST\n{place.path or '/'}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(keys.secret_key, scope), to_sign.encode(), "sha256").hex()
    credential = f"Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return signing | {"authorization": f"AWS4-HMAC-SHA256 {credential}"}


# One a service and day, as long as the credentials last.
@lru_cache(maxsize=4)
def _signing_key(secret_key: str, scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
