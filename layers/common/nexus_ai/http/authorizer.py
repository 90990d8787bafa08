"""Verifies callers' tokens for API Gateway: signed JWTs, against the keys that their issuer publishes.

RS256 and ES256 only, so that a public key can never pass for a shared secret; issuer, audience and times are checked;
the tenant and the user have to be there. Roles that are not ours are left out. A token without any role of ours is
valid all the same: it gets in and no further, for each route names the role it needs (403, where a bad token is 401).
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, cast

import jwt

from nexus_ai.core.caller import TENANT_PATTERN, USER_PATTERN, Role
from nexus_ai.core.observability import logger
from nexus_ai.core.settings import Settings, get_settings
from nexus_ai.http.event import TOKEN_LEEWAY_S

ALGORITHMS = ("RS256", "ES256")
TOKEN_MAX_BYTES = 8192

# A key that its issuer withdraws is trusted no longer than this.
KEYS_KEPT_S = 300
# An unknown key id makes us ask the issuer anew at most once in this time: rotation is followed, a flood is not.
KEYS_ASKED_AGAIN_S = 30
KEYS_TIMEOUT_S = 3


class Unauthorized(Exception):
    """API Gateway answers 401 to exactly this message."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class _Refused(Exception):
    """The token is signed as it should be and lacks something else; the message names what."""


@cache
def issuer_keys(url: str) -> jwt.PyJWKClient:
    """The keys at `url`, read when first asked for and kept a while; safe to share between threads."""
    return jwt.PyJWKClient(url, lifespan=KEYS_KEPT_S, cooldown_duration=KEYS_ASKED_AGAIN_S, timeout=KEYS_TIMEOUT_S)


def authorize(event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a TOKEN authorizer's event; raises Unauthorized, whatever is wrong."""
    try:
        context = _verified(_bearer_token(event.get("authorizationToken")), get_settings())
    except jwt.PyJWKClientConnectionError:
        logger().exception("the issuer's keys cannot be read")
        raise Unauthorized from None
    except (jwt.PyJWTError, _Refused) as refusal:
        # Words of the library quote parts of the token; ours do not.
        reason = str(refusal) if isinstance(refusal, _Refused) else type(refusal).__name__
        logger().info("token refused", reason=reason)
        raise Unauthorized from None
    except Exception:  # noqa: BLE001
        # A token is a stranger's text: one that breaks its reader is a bad token, not a fault of the service.
        logger().exception("token unreadable")
        raise Unauthorized from None
    return {"principalId": context["userId"], "policyDocument": _policy(event["methodArn"]), "context": context}


def _bearer_token(header: object) -> str:
    if not isinstance(header, str) or len(header) > TOKEN_MAX_BYTES:
        raise _Refused("no token, or one too long")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _Refused("no bearer token")
    return token.strip()


def _verified(token: str, settings: Settings) -> dict[str, str]:
    """What the routes learn of the caller: texts, as API Gateway hands on nothing else."""
    header = jwt.get_unverified_header(token)
    key_id = header.get("kid")
    # Before any key is asked for: a token of another kind costs nothing.
    if header.get("alg") not in ALGORITHMS or not isinstance(key_id, str):
        raise _Refused("another algorithm, or no key id")
    key = issuer_keys(settings.token_jwks_url).get_signing_key(key_id)
    # PyJWT holds the token to its key's own algorithm, and that to ours.
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=ALGORITHMS,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        leeway=TOKEN_LEEWAY_S,
        options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
    )
    return {
        "tenantId": _claim(claims, settings.claim_tenant, TENANT_PATTERN),
        "userId": _claim(claims, settings.claim_user, USER_PATTERN),
        "roles": ",".join(_roles(claims.get(settings.claim_roles))),
        "exp": str(int(claims["exp"])),
    }


def _claim(claims: Mapping[str, Any], name: str, pattern: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise _Refused(f"claim {name} missing or of another form")
    return value


def _roles(claim: object) -> list[str]:
    """Our roles among those of the claim, which is a list or a text with spaces or commas, as issuers differ."""
    names: Iterable[object] = ()
    if isinstance(claim, str):
        names = re.split(r"[\s,]+", claim)
    elif isinstance(claim, list):
        names = cast("list[object]", claim)
    return sorted({Role(name) for name in names if isinstance(name, str) and name in Role})


def _policy(method_arn: str) -> dict[str, Any]:
    """Every route of this stage: API Gateway keeps the answer for the token and asks it for other routes, too."""
    api, stage = method_arn.split("/")[:2]
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api}/{stage}/*/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
