"""What callers' tokens are verified with: the keys that an issuer publishes, or one secret that it shares with us.

Which of the two is the deployment's choice, and each takes its own algorithms alone, so that a public key can never
pass for a shared secret.
"""

import time
from functools import cache
from threading import Lock
from typing import Protocol

import jwt

from nexus_ai.aws.secrets import SecretUnreadable, secret_text
from nexus_ai.platform.settings import Settings

# A key that its issuer withdraws is trusted no longer than this.
KEYS_KEPT_S = 300
# An unknown key id makes us ask the issuer anew at most once in this time: rotation is followed, a flood is not.
KEYS_REFETCH_AFTER_S = 30
KEYS_TIMEOUT_S = 3

# The old secret is trusted no longer than this. A token of the new one that comes sooner is refused, and API Gateway
# keeps a refusal for five minutes.
SECRET_KEPT_S = 60
# RFC 7518, section 3.2: a key of HS256 has 256 bits or more.
SECRET_MIN_BYTES = 32


class KeysUnavailableError(Exception):
    """Nobody can say now whether a token is good: a fault of the issuer's or of ours, and not of its bearer."""


class UnknownKeyError(Exception):
    """The token names no key, or one that the issuer does not publish."""


class TokenKeys(Protocol):
    @property
    def algorithms(self) -> tuple[str, ...]: ...

    def key(self, key_id: object, /) -> jwt.PyJWK | bytes:
        """The key for a token whose header names this one; raises KeysUnavailable and UnknownKey."""
        ...


class IssuerKeys:
    """The keys at a URL (JWKS, RFC 7517), by the ids that tokens name."""

    algorithms = ("RS256", "ES256")

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, lifespan=KEYS_KEPT_S, timeout=KEYS_TIMEOUT_S)
        self._lock = Lock()
        self._asked_at: float | None = None
        # Whether the issuer failed when it was last asked for a key that we do not have.
        self._silent = False

    def key(self, key_id: object, /) -> jwt.PyJWK:
        if not isinstance(key_id, str):
            raise UnknownKeyError
        with self._lock:
            found = self._client.match_kid(self._keys(), key_id)
            if found is None and self._may_ask_again():
                found = self._client.match_kid(self._keys(refresh=True), key_id)
            if found is not None:
                return found
            # While the issuer does not answer, nobody knows whether the key is one of its new ones.
            raise KeysUnavailableError("the issuer does not answer") if self._silent else UnknownKeyError

    def _may_ask_again(self) -> bool:
        return self._asked_at is None or time.monotonic() - self._asked_at >= KEYS_REFETCH_AFTER_S

    def _keys(self, *, refresh: bool = False) -> list[jwt.PyJWK]:
        if refresh or self._asked_at is None:
            self._asked_at = time.monotonic()
        try:
            keys = self._client.get_signing_keys(refresh=refresh)
        except (jwt.PyJWTError, OSError, ValueError) as error:
            self._silent = refresh
            raise KeysUnavailableError("the issuer's keys cannot be read") from error
        if refresh:
            self._silent = False
        return keys


class SharedSecret:
    """A secret of Secrets Manager that the issuer signs with, too."""

    algorithms = ("HS256",)

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._lock = Lock()
        self._kept: tuple[float, bytes] | None = None

    def key(self, _key_id: object, /) -> bytes:
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] >= SECRET_KEPT_S:
                self._kept = time.monotonic(), self._read()
            return self._kept[1]

    def _read(self) -> bytes:
        try:
            secret = secret_text(self._arn).encode()
        except SecretUnreadable as error:
            raise KeysUnavailableError("the shared secret cannot be read") from error
        if len(secret) < SECRET_MIN_BYTES:
            raise KeysUnavailableError(f"the shared secret has less than {SECRET_MIN_BYTES} bytes")
        return secret


@cache
def issuer_keys(url: str) -> IssuerKeys:
    return IssuerKeys(url)


@cache
def shared_secret(arn: str) -> SharedSecret:
    return SharedSecret(arn)


def token_keys(settings: Settings) -> TokenKeys:
    """The deployment's, kept a while; safe to share between threads."""
    if settings.token_secret_arn is not None:
        return shared_secret(settings.token_secret_arn)
    if settings.token_jwks_url is None:
        raise KeysUnavailableError("neither a URL of keys nor a secret is set")
    return issuer_keys(settings.token_jwks_url)
