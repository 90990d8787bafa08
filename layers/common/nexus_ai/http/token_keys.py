"""Provide the keys that verify bearer tokens: an issuer's published keys, or a secret shared with the issuer.

The deployment configures one of the two. Each accepts only its own algorithms, so a public key can never be used as a
shared secret.
"""

import time
from functools import cache
from threading import Lock
from typing import Protocol

import jwt

from nexus_ai.aws.secrets import SecretUnreadable, secret_text
from nexus_ai.platform.settings import Settings

# A withdrawn key is trusted at most this long.
KEYS_KEPT_S = 300
# Least time between two reloads for unknown key ids. It follows key rotation and resists a flood of bad tokens.
KEYS_REFETCH_AFTER_S = 30
KEYS_TIMEOUT_S = 3

# A replaced secret is trusted at most this long. A token signed with the new one is refused until then, and API Gateway
# caches the refusal for five minutes.
SECRET_KEPT_S = 60
# RFC 7518, section 3.2: an HS256 key has at least 256 bits.
SECRET_MIN_BYTES = 32


class KeysUnavailableError(Exception):
    """Keys that cannot be read now. The fault is the issuer's or ours, not that of the token."""


class UnknownKeyError(Exception):
    """Token that names no key, or a key that the issuer does not publish."""


class TokenKeys(Protocol):
    """Source of the keys that verify tokens."""

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Return the names of the allowed signature algorithms."""
        ...

    def key(self, key_id: object, /) -> jwt.PyJWK | bytes:
        """Return the key for a token whose header has this key id.

        Raises:
            KeysUnavailableError: The keys could not be read.
            UnknownKeyError: There is no such key.
        """
        ...


class IssuerKeys:
    """Keys that the issuer publishes at a URL (JWKS, RFC 7517), by key id."""

    algorithms = ("RS256", "ES256")

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, lifespan=KEYS_KEPT_S, timeout=KEYS_TIMEOUT_S)
        self._lock = Lock()
        self._requested_at: float | None = None
        # True if the last reload for an unknown key id failed.
        self._refresh_failed = False

    def key(self, key_id: object, /) -> jwt.PyJWK:
        """Return the key with this id. An unknown id reloads the keys at most once in 30 seconds.

        Raises:
            KeysUnavailableError: The issuer does not respond, so the key may be a new one.
            UnknownKeyError: The token names no key, or the issuer does not publish it.
        """
        if not isinstance(key_id, str):
            raise UnknownKeyError
        with self._lock:
            found = self._client.match_kid(self._keys(), key_id)
            if found is None and self._may_refresh():
                found = self._client.match_kid(self._keys(refresh=True), key_id)
            if found is not None:
                return found
            # Without a response from the issuer, the unknown key id may belong to a new key: the token may be valid.
            raise KeysUnavailableError("the issuer does not respond") if self._refresh_failed else UnknownKeyError

    def _may_refresh(self) -> bool:
        return self._requested_at is None or time.monotonic() - self._requested_at >= KEYS_REFETCH_AFTER_S

    def _keys(self, *, refresh: bool = False) -> list[jwt.PyJWK]:
        if refresh or self._requested_at is None:
            self._requested_at = time.monotonic()
        try:
            keys = self._client.get_signing_keys(refresh=refresh)
        except (jwt.PyJWTError, OSError, ValueError) as error:
            self._refresh_failed = refresh
            raise KeysUnavailableError("the issuer's keys could not be read") from error
        if refresh:
            self._refresh_failed = False
        return keys


class SharedSecret:
    """Secret in Secrets Manager that the issuer signs tokens with."""

    algorithms = ("HS256",)

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._lock = Lock()
        self._cached: tuple[float, bytes] | None = None

    def key(self, _key_id: object, /) -> bytes:
        """Return the secret, which is reloaded every minute.

        Raises:
            KeysUnavailableError: The secret could not be read or is too short.
        """
        with self._lock:
            if self._cached is None or time.monotonic() - self._cached[0] >= SECRET_KEPT_S:
                self._cached = time.monotonic(), self._read()
            return self._cached[1]

    def _read(self) -> bytes:
        try:
            secret = secret_text(self._arn).encode()
        except SecretUnreadable as error:
            raise KeysUnavailableError("the shared secret could not be read") from error
        if len(secret) < SECRET_MIN_BYTES:
            raise KeysUnavailableError(f"the shared secret has fewer than {SECRET_MIN_BYTES} bytes")
        return secret


@cache
def issuer_keys(url: str) -> IssuerKeys:
    """Return the keys at this URL. There is one instance per process."""
    return IssuerKeys(url)


@cache
def shared_secret(arn: str) -> SharedSecret:
    """Return the secret with this ARN. There is one instance per process."""
    return SharedSecret(arn)


def token_keys(settings: Settings) -> TokenKeys:
    """Return the keys of the deployment. They are cached and may be shared between threads.

    Raises:
        KeysUnavailableError: Neither a URL nor a secret is configured.
    """
    if settings.token_secret_arn is not None:
        return shared_secret(settings.token_secret_arn)
    if settings.token_jwks_url is None:
        raise KeysUnavailableError("neither a URL of keys nor a shared secret is configured")
    return issuer_keys(settings.token_jwks_url)
