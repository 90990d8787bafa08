"""Whom TLS trusts: the authorities of certifi, or those that the environment names."""

import os
import ssl
from functools import cache


def provider_context() -> ssl.SSLContext:
    """For the providers; SSL_CERT_FILE names other authorities, as for httpx."""
    return _context(os.environ.get("SSL_CERT_FILE") or _certifi())


def aws_authorities() -> str:
    """Return the file of the authorities for AWS; AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE name others, as for botocore."""
    return os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or _certifi()


def _certifi() -> str:
    from certifi import where  # noqa: PLC0415 (with the first connection)

    return where()


# One for all connections that trust the same: to read the authorities takes longer than a call of AWS.
@cache
def _context(authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context
