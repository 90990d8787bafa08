"""Find AWS credentials, the region and endpoints in the environment, or otherwise with botocore.

Lambda sets what is needed in the environment. botocore takes a quarter of a second, so it is used only for the rest:
credentials after a restored snapshot, profiles, regions of other partitions, FIPS and dual-stack endpoints.
https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
"""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from nexus_ai.net.aws_transport import TransportError
from nexus_ai.net.signature import Credentials
from nexus_ai.platform.once import Once

if TYPE_CHECKING:
    from botocore.session import Session

# Regions of the partition "aws". Only their endpoints have the form SERVICE.REGION.amazonaws.com.
_COMMERCIAL = re.compile(r"(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-[0-9]+")
_OTHER_ENDPOINTS = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")
_TRUE = "true"

_session_lock = Lock()


def _make_session() -> "Session":
    from botocore.session import Session  # noqa: PLC0415 (needed only if the environment lacks a setting)

    return Session()


session = Once(_make_session)


def credentials() -> Credentials:
    """Return the environment's credentials, or those of botocore's chain, which renews them before they expire.

    Raises:
        TransportError: No credentials are configured.
    """
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        return Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)
    with _translated_errors():
        with _session_lock:
            credentials = session().get_credentials()
        if credentials is None:
            raise TransportError("no credentials", sent=False)
        frozen = credentials.get_frozen_credentials()
    return Credentials(str(frozen.access_key), str(frozen.secret_key), frozen.token)


def region() -> str:
    """Return the configured region.

    Raises:
        TransportError: No region is configured.
    """
    found: object = os.environ.get("AWS_DEFAULT_REGION")
    if not found:
        with _translated_errors():
            found = session().get_config_variable("region")
    if not found:
        raise TransportError("no region", sent=False)
    return str(found)


def endpoint(service: str, region: str) -> str:
    """Return the URL of a service in a region.

    Raises:
        TransportError: botocore knows no such endpoint.
    """
    if configured := configured_endpoint(service):
        return configured
    if _COMMERCIAL.fullmatch(region) and not any(_is_true(name) for name in _OTHER_ENDPOINTS):
        return f"https://{service}.{region}.amazonaws.com"
    with _translated_errors():
        return session().create_client(service, region_name=region).meta.endpoint_url


def configured_endpoint(service: str) -> str | None:
    """Return the endpoint URL that the environment sets for a service, or None for AWS's own."""
    if _is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return None
    return os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL") or None


def _is_true(name: str) -> bool:
    return os.environ.get(name, "").lower() == _TRUE


@contextmanager
def _translated_errors() -> Generator[None]:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        yield
    except BotoCoreError as error:
        raise TransportError("no settings", sent=False) from error
