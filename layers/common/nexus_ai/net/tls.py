"""Choose the certificate authorities that TLS trusts: those of certifi, or those that the environment names."""

import os
import ssl
from functools import cache


def provider_context() -> ssl.SSLContext:
    """Return the TLS context for providers. SSL_CERT_FILE can name other authorities, as for httpx."""
    return _context(os.environ.get("SSL_CERT_FILE") or _certifi())


def aws_authorities() -> str:
    """Return the file of authorities for AWS. AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE can name another, as for botocore."""
    return os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or _certifi()


def _certifi() -> str:
    from certifi import where  # noqa: PLC0415 (imported with the first connection)

    return where()


# Cached, because reading the authorities takes longer than a call of AWS.
@cache
def _context(authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context
