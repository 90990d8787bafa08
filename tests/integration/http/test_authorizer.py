"""Test the authorizer against the keys of an issuer over HTTP, and with a shared secret."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Never
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from functions.authorizer.app import handler
from local.aws import Aws
from local.stack import LocalStack
from local.template import Template
from nexus_ai.aws import clients
from nexus_ai.http import authorizer, token_keys
from nexus_ai.platform.settings import get_settings
from tests.integration.support.http_client import ask
from tests.unit.http.http_events import SETTINGS, Context, read_event

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())


def jwk(key: PrivateKey, key_id: str, **members: str) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": key_id, "use": "sig", **members}


class Issuer:
    """Server that publishes `keys`, counts its requests, and responds with `status`."""

    def __init__(self) -> None:
        self.keys = [jwk(RSA, "rsa"), jwk(P256, "p256"), jwk(P384, "p384"), jwk(SHORT_RSA, "short")]
        self.status = 200
        self.body: bytes | None = None
        self.requests = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                self.send_response(issuer.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(json.dumps({"keys": issuer.keys}).encode() if issuer.body is None else issuer.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base's name)
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Generator[Issuer]:
    server = Issuer()
    for name, value in {**SETTINGS, "TOKEN_JWKS_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    token_keys.issuer_keys.cache_clear()
    yield server
    server.stop()
    get_settings.cache_clear()
    token_keys.issuer_keys.cache_clear()


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    defaults = {
        "iss": SETTINGS["TOKEN_ISSUER"],
        "aud": SETTINGS["TOKEN_AUDIENCE"],
        "iat": now,
        "exp": now + 600,
        "tenant_id": "acme",
        "sub": "auth0|ana@acme.example",
        "roles": ["admin"],
    }
    return {name: value for name, value in (defaults | changed).items() if value is not None}


def token(key: PrivateKey = RSA, key_id: str | None = "rsa", algorithm: str = "RS256", **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, headers={"kid": key_id} if key_id else None)


def unsigned(
    header: dict[str, Any], payload: dict[str, Any], sign: Callable[[bytes], bytes] = lambda _text: b""
) -> str:
    def part(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    text = part(json.dumps(header).encode()) + b"." + part(json.dumps(payload).encode())
    return (text + b"." + part(sign(text))).decode()


def authorize(bearer: object) -> dict[str, Any]:
    return handler({**read_event("authorizer"), "authorizationToken": bearer}, Context())


def is_denied(bearer: object) -> bool:
    """Return True if the policy denies every route of the stage. It never names a caller."""
    response = authorize(bearer)
    assert "context" not in response
    (statement,) = response["policyDocument"]["Statement"]
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/*/*"
    return bool(statement["Effect"] == "Deny")


def test_valid_token_allows_every_route_and_names_the_caller(issuer: Issuer) -> None:
    expires = int(time.time()) + 600
    response = authorize(f"Bearer {token(exp=expires)}")
    assert response["principalId"] == "auth0|ana@acme.example"
    assert response["context"] == {
        "tenantId": "acme",
        "userId": "auth0|ana@acme.example",
        "roles": "admin",
        "exp": str(expires),
    }
    (statement,) = response["policyDocument"]["Statement"]
    assert statement == {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Resource": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/*/*",
    }


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_is_case_insensitive(scheme: str, issuer: Issuer) -> None:
    assert authorize(f"{scheme} {token()}")


def test_token_signed_with_es256_is_accepted(issuer: Issuer) -> None:
    assert authorize(f"Bearer {token(P256, 'p256', 'ES256')}")["context"]["tenantId"] == "acme"


@pytest.mark.parametrize(
    ("roles", "known_roles"),
    [
        (["user", "admin"], "admin,user"),
        ("user admin", "admin,user"),
        ("admin,owner, user", "admin,user"),
        (["owner", 7, None, ["admin"], "user"], "user"),
        ({"admin": True}, ""),
        ("", ""),
        (["Admin"], ""),
        (None, ""),
    ],
)
def test_roles_are_a_list_or_a_text_and_unknown_ones_are_dropped(
    roles: object, known_roles: str, issuer: Issuer
) -> None:
    assert authorize(f"Bearer {token(roles=roles)}")["context"]["roles"] == known_roles


def test_claim_names_are_configurable(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIM_TENANT", "https://crm.example/tenant")
    monkeypatch.setenv("CLAIM_USER", "email")
    monkeypatch.setenv("CLAIM_ROLES", "permissions")
    get_settings.cache_clear()
    changed: dict[str, Any] = {
        "https://crm.example/tenant": "globex",
        "email": "bia@globex.example",
        "permissions": ["user"],
    }
    assert authorize(f"Bearer {token(**changed)}")["context"] | {"exp": ""} == {
        "tenantId": "globex",
        "userId": "bia@globex.example",
        "roles": "user",
        "exp": "",
    }


def test_id_token_of_a_user_pool_is_accepted_its_access_token_not(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Template({"SignInPrefix": "crm", "SignInCallbackUrl": "https://crm.example/"}, region="us-east-1")
    outputs = {"Outputs.Issuer": "https://pool", "Outputs.Client": "client-1", "Outputs.Keys": issuer.url}
    pool.name("UserPool", "pool", **outputs)
    variables = pool.body["Globals"]["Function"]["Environment"]["Variables"]
    for name in variables:
        if name.startswith(("TOKEN_", "CLAIM_")):
            monkeypatch.setenv(name, pool.resolve(variables[name]))
    get_settings.cache_clear()
    shared_claims: dict[str, Any] = {"iss": "https://pool", "sub": str(uuid4()), "tenant_id": None, "roles": None}
    id_token: dict[str, Any] = {
        "token_use": "id",
        "aud": "client-1",
        "custom:tenant_id": "globex",
        "custom:roles": "admin",
    }
    access_token: dict[str, Any] = {
        "token_use": "access",
        "aud": None,
        "client_id": "client-1",
        "scope": "openid profile",
    }

    context = authorize(f"Bearer {token(**shared_claims, **id_token)}")["context"]
    assert (context["tenantId"], context["userId"], context["roles"]) == ("globex", shared_claims["sub"], "admin")
    assert is_denied(f"Bearer {token(**shared_claims, **access_token)}")


def test_small_clock_difference_is_accepted(issuer: Issuer) -> None:
    now = int(time.time())
    assert authorize(f"Bearer {token(iat=now + 3, nbf=now + 3)}")
    assert authorize(f"Bearer {token(exp=now - 3)}")


NOW = int(time.time())
BAD_CLAIMS: list[dict[str, Any]] = [
    {"exp": NOW - 60},
    {"exp": None},
    {"exp": "soon"},
    {"exp": float("inf")},
    {"nbf": NOW + 3600},
    {"iat": NOW + 3600},
    {"iss": "https://other.example"},
    {"iss": None},
    {"aud": "other"},
    {"aud": None},
    {"tenant_id": None},
    {"tenant_id": ""},
    {"tenant_id": "a/b"},
    {"tenant_id": "a#b"},
    {"tenant_id": "acme\n"},
    {"tenant_id": ["acme"]},
    {"tenant_id": "a" * 65},
    {"sub": None},
    {"sub": "two words"},
    {"sub": "x" * 257},
]


# The claims contain the current time, but every worker of a parallel run needs the same ids.
@pytest.mark.parametrize(
    "changed", BAD_CLAIMS, ids=[f"{number}-{next(iter(c))}" for number, c in enumerate(BAD_CLAIMS)]
)
def test_token_with_an_invalid_claim_is_denied(changed: dict[str, Any], issuer: Issuer) -> None:
    assert is_denied(f"Bearer {token(**changed)}")


PUBLIC_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HS256_WITH_THE_PUBLIC_KEY = unsigned(
    {"alg": "HS256", "kid": "rsa"}, claims(), lambda text: hmac.digest(PUBLIC_PEM, text, hashlib.sha256)
)


BAD_BEARERS: dict[str, str | None] = {
    "nothing": None,
    "empty": "",
    "scheme alone": "Bearer",
    "scheme and space": "Bearer ",
    "basic": f"Basic {token()}",
    "token alone": token(),
    "no base64": "Bearer a.b.c",
    "no ascii": "Bearer é.ü.ß",
    "lone surrogate": "Bearer \ud800",
    "alg none": f"Bearer {unsigned({'alg': 'none', 'kid': 'rsa'}, claims())}",
    "alg None": f"Bearer {unsigned({'alg': 'None', 'kid': 'rsa'}, claims())}",
    "hs256 with the public key": f"Bearer {HS256_WITH_THE_PUBLIC_KEY}",
    "alg in a list": f"Bearer {unsigned({'alg': ['RS256'], 'kid': 'rsa'}, claims())}",
    "kid in an object": f"Bearer {unsigned({'alg': 'RS256', 'kid': {'a': 1}}, claims())}",
    "another key": f"Bearer {token(OTHER_RSA)}",
    "no kid": f"Bearer {token(key_id=None)}",
    "es384": f"Bearer {token(P384, 'p384', 'ES384')}",
    "rs512": f"Bearer {token(RSA, 'rsa', 'RS512')}",
    "ps256": f"Bearer {token(RSA, 'rsa', 'PS256')}",
    "ec key named": f"Bearer {token(RSA, 'p256')}",
    "rsa key named": f"Bearer {token(P256, 'rsa', 'ES256')}",
    "broken signature": f"Bearer {token()[:-8]}AAAAAAAA",
    "two tokens": f"Bearer {token()} {token()}",
    "too long": f"Bearer {token(roles='x' * 9000)}",
}


@pytest.mark.parametrize("name", BAD_BEARERS)
def test_invalid_token_is_denied(name: str, issuer: Issuer) -> None:
    assert is_denied(BAD_BEARERS[name])


@pytest.mark.parametrize("name", ["alg none", "hs256 with the public key", "rs512", "no kid", "kid in an object"])
def test_token_of_another_algorithm_fetches_no_keys(name: str, issuer: Issuer) -> None:
    assert is_denied(BAD_BEARERS[name])
    assert issuer.requests == 0


def test_secret_among_the_public_keys_verifies_no_token(issuer: Issuer) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    issuer.keys.append({"kty": "oct", "kid": "secret", "k": base64.urlsafe_b64encode(secret).decode().rstrip("=")})
    forged = unsigned(
        {"alg": "RS256", "kid": "secret"}, claims(), lambda text: hmac.digest(secret, text, hashlib.sha256)
    )
    assert is_denied(f"Bearer {forged}")


def test_denial_of_a_token_without_exp_is_logged(issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    assert is_denied(f"Bearer {token(exp=None)}")
    assert json.loads(capsys.readouterr().out)["reason"] == "MissingRequiredClaimError"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_token_signed_with_a_short_key_is_denied(issuer: Issuer) -> None:
    assert is_denied(f"Bearer {token(SHORT_RSA, 'short')}")


def test_key_for_encryption_verifies_no_token(issuer: Issuer) -> None:
    issuer.keys = [jwk(RSA, "rsa", use="enc"), jwk(P256, "p256")]
    assert is_denied(f"Bearer {token()}")


def test_keys_are_fetched_once(issuer: Issuer) -> None:
    for _ in range(5):
        authorize(f"Bearer {token()}")
    assert issuer.requests == 1


def test_rotated_key_is_fetched(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_keys, "KEYS_REFETCH_AFTER_S", 0)
    authorize(f"Bearer {token()}")
    issuer.keys = [jwk(OTHER_RSA, "next")]
    assert authorize(f"Bearer {token(OTHER_RSA, 'next')}")
    assert is_denied(f"Bearer {token()}")


def test_many_unknown_keys_cause_no_further_fetches(issuer: Issuer) -> None:
    authorize(f"Bearer {token()}")
    for number in range(20):
        assert is_denied(f"Bearer {token(key_id=f'made-up-{number}')}")
    assert issuer.requests == 1


@pytest.mark.parametrize("status", [500, 404, 302])
def test_unavailable_issuer_is_an_error_and_logged(
    status: int, issuer: Issuer, capsys: pytest.CaptureFixture[str]
) -> None:
    issuer.status = status
    with pytest.raises(token_keys.KeysUnavailableError):
        authorize(f"Bearer {token()}")
    assert json.loads(capsys.readouterr().out)["message"] == "tokens cannot be verified"
    assert issuer.requests == 1
    issuer.status = 200
    assert authorize(f"Bearer {token()}")


NO_KEYS = [b"<html>", b"[]", b"{}", b'{"keys": []}', b'{"keys": 7}', b'{"keys": [7]}', b"\xff", b""]


@pytest.mark.parametrize("body", NO_KEYS)
def test_issuer_without_keys_is_an_error_and_no_denial(body: bytes, issuer: Issuer) -> None:
    issuer.body = body
    with pytest.raises(token_keys.KeysUnavailableError):
        authorize(f"Bearer {token()}")
    issuer.body = None
    assert authorize(f"Bearer {token()}")


def test_unreachable_issuer_is_an_error_and_no_denial(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_JWKS_URL", "http://127.0.0.1:9/jwks.json")
    get_settings.cache_clear()
    with pytest.raises(token_keys.KeysUnavailableError):
        authorize(f"Bearer {token()}")
    assert is_denied(BAD_BEARERS["alg none"])


def test_outage_of_the_issuer_keeps_the_known_keys(issuer: Issuer) -> None:
    authorize(f"Bearer {token()}")
    issuer.status = 503
    assert is_denied(f"Bearer {token(key_id='unknown')}")
    assert authorize(f"Bearer {token()}")


def test_possibly_new_key_is_not_denied_during_an_outage(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    authorize(f"Bearer {token()}")
    issuer.status = 503
    monkeypatch.setattr(token_keys, "KEYS_REFETCH_AFTER_S", 0)
    with pytest.raises(token_keys.KeysUnavailableError):
        authorize(f"Bearer {token(OTHER_RSA, 'next')}")
    monkeypatch.setattr(token_keys, "KEYS_REFETCH_AFTER_S", 3600)
    for _ in range(5):
        with pytest.raises(token_keys.KeysUnavailableError):
            authorize(f"Bearer {token(OTHER_RSA, 'next')}")
    assert issuer.requests == 2, "an issuer that fails gets no more requests than one that responds"
    assert authorize(f"Bearer {token()}")
    issuer.status, issuer.keys = 200, [jwk(OTHER_RSA, "next")]
    monkeypatch.setattr(token_keys, "KEYS_REFETCH_AFTER_S", 0)
    assert authorize(f"Bearer {token(OTHER_RSA, 'next')}")


def test_denial_is_logged_without_the_token(issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    bad = token(tenant_id="sk-canary/8f14e45f")
    assert is_denied(f"Bearer {bad}")
    line = json.loads(capsys.readouterr().out)
    assert line["reason"] == "claim tenant_id missing or malformed"
    assert not any(part in str(line) for part in [*bad.split("."), "canary"])


def test_claims_may_be_nested_and_names_with_dots_come_first(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIM_ROLES", "realm_access.roles")
    get_settings.cache_clear()

    def roles(**changed: Any) -> str:
        found: str = authorize(f"Bearer {token(**changed)}")["context"]["roles"]
        return found

    assert roles(realm_access={"roles": ["user"]}) == "user"
    assert roles(realm_access={"roles": ["user"]}, **{"realm_access.roles": ["admin"]}) == "admin"
    assert roles(realm_access="admin") == roles(realm_access={"roles": {"admin": 1}}) == roles() == ""


# Tests with a secret of Secrets Manager in place of published keys.

SECRET = "correct-horse-battery-staple-0123456789"


@pytest.fixture
def shared_secret(embedded_aws: Aws, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> str:
    arn: str = clients.secrets_manager().create_secret(Name=f"token-{uuid4().hex}", SecretString=SECRET)["ARN"]
    monkeypatch.setenv("TOKEN_JWKS_URL", "")
    monkeypatch.setenv("TOKEN_SECRET_ARN", arn)
    get_settings.cache_clear()
    token_keys.shared_secret.cache_clear()
    return arn


def signed(secret: str, algorithm: str = "HS256", **changed: Any) -> str:
    return f"Bearer {jwt.encode(claims(**changed), secret, algorithm)}"


def test_token_signed_with_the_shared_secret_is_accepted(shared_secret: str) -> None:
    assert authorize(signed(SECRET))["context"]["tenantId"] == "acme"


@pytest.mark.parametrize(
    "bearer",
    [
        signed(SECRET[:-1] + "x"),
        signed(SECRET * 2, "HS512"),
        signed(SECRET, exp=NOW - 60),
        signed(SECRET, iss="https://other.example"),
        signed(SECRET, aud=None),
        signed(SECRET, tenant_id="a#b"),
        f"Bearer {token()}",
        f"Bearer {unsigned({'alg': 'none'}, claims())}",
        f"Bearer {unsigned({'alg': 'HS256'}, claims())}",
    ],
    ids=["secret", "hs512", "time", "issuer", "audience", "tenant", "rs256", "none", "unsigned"],
)
def test_shared_secret_accepts_no_other_token(bearer: str, shared_secret: str, issuer: Issuer) -> None:
    assert is_denied(bearer)
    assert issuer.requests == 0


def test_secret_is_read_once_a_minute(shared_secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    authorize(signed(SECRET))
    new = SECRET.swapcase()
    clients.secrets_manager().put_secret_value(SecretId=shared_secret, SecretString=new)
    assert authorize(signed(SECRET))
    monkeypatch.setattr(token_keys, "SECRET_KEPT_S", 0)
    assert authorize(signed(new))
    assert is_denied(signed(SECRET))


@pytest.mark.parametrize("secret", ["short", None, b"\x00" * 32])
def test_unusable_secret_is_an_error_and_no_denial(secret: str | bytes | None, shared_secret: str) -> None:
    match secret:
        case str():
            clients.secrets_manager().put_secret_value(SecretId=shared_secret, SecretString=secret)
        case bytes():
            clients.secrets_manager().put_secret_value(SecretId=shared_secret, SecretBinary=secret)
        case None:
            clients.secrets_manager().delete_secret(SecretId=shared_secret, ForceDeleteWithoutRecovery=True)
    with pytest.raises(token_keys.KeysUnavailableError):
        authorize(signed(SECRET))


def test_missing_keys_and_secret_are_an_error(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_JWKS_URL", "")
    get_settings.cache_clear()
    with pytest.raises(token_keys.KeysUnavailableError):
        authorize(f"Bearer {token()}")


def test_api_is_503_with_retry_after_if_tokens_cannot_be_verified(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(_: object) -> Never:
        raise token_keys.KeysUnavailableError

    monkeypatch.setattr(authorizer, "token_keys", unavailable)
    reply = ask(stack.url, "GET", "/api/marketing/ai/rate-limits", token=stack.stranger_token(tenant))

    assert (reply.status, reply.body["code"]) == (503, "token_keys_unavailable")
    assert reply.headers["Retry-After"] == "1"
    assert reply.headers["X-Request-Id"] == reply.body["requestId"]
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
