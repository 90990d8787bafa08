"""How the other end of a connection is known: by the authorities of certifi, or those that the environment names."""

import os
import ssl
from functools import cache


def vendors() -> ssl.SSLContext:
    """For the providers; SSL_CERT_FILE names others, as for httpx."""
    return _context(os.environ.get("SSL_CERT_FILE") or _authorities())


def aws() -> ssl.SSLContext:
    """For AWS; AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE name others, as for botocore."""
    return _context(os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or _authorities())


def _authorities() -> str:
    from certifi import where  # noqa: PLC0415 (with the first connection)

    return where()


# One for all connections that trust the same: to read the authorities takes longer than a call of AWS.
@cache
def _context(authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context
