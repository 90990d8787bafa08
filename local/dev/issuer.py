"""Issue tokens that are signed with a generated RS256 key, so that the authorizer verifies them as in the cloud."""

import json
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from werkzeug.wrappers import Request, Response

from local.emulator.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

AUDIENCE: Final = "nexus-ai"
LIFETIME_S: Final = 3600
_JWKS_PATH: Final = "/.well-known/jwks.json"
_KEY_ID: Final = "local-1"


class Issuer:
    """Token issuer, which publishes its public key over HTTP on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self._server = Server()
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._jwks = json.dumps({"keys": [{**public, "kid": _KEY_ID, "alg": "RS256", "use": "sig"}]})

    @property
    def url(self) -> str:
        """Return the value of the `iss` claim."""
        return self._server.url

    @property
    def jwks_url(self) -> str:
        return f"{self._server.url}{_JWKS_PATH}"

    def start(self) -> Self:
        self._server.start(self._serve)
        return self

    def stop(self) -> None:
        self._server.stop()

    def parameters(self) -> dict[str, str]:
        """Return the parameters of template.yaml that make the API trust this issuer."""
        return {"TokenIssuer": self.url, "TokenAudience": AUDIENCE, "TokenJwksUrl": self.jwks_url}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a token with exactly these claims."""
        return jwt.encode(dict(claims), self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def claims(self, tenant_id: str, user_id: str, roles: Iterable[str]) -> dict[str, Any]:
        """Return the claims of a valid token, under the default claim names of template.yaml."""
        now_s = int(time.time())
        return {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now_s,
            "exp": now_s + LIFETIME_S,
            "tenant_id": tenant_id,
            "sub": user_id,
            "roles": list(roles),
        }

    def _serve(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if Request(environ).path == _JWKS_PATH:
            return Response(self._jwks, mimetype="application/json")(environ, start_response)
        return Response(status=404)(environ, start_response)
