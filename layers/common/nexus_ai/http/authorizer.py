"""Verifies callers' tokens for API Gateway: JWTs, signed by one of the deployment's keys (http/token_keys.py).

Algorithm, issuer, audience and times are checked; the tenant and the user have to be there. Roles that are not ours are
left out. A token without any role of ours is valid all the same: it gets in and no further, for each route names the
role it needs (403, where a bad token is 401).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import jwt

from nexus_ai.core.caller import TENANT_PATTERN, USER_PATTERN, Role
from nexus_ai.core.observability import logger
from nexus_ai.core.settings import Settings, get_settings
from nexus_ai.http.event import TOKEN_LEEWAY_S
from nexus_ai.http.token_keys import KeysUnavailable, UnknownKey, token_keys

TOKEN_MAX_BYTES = 8192


class Unauthorized(Exception):
    """API Gateway answers 401 to exactly this message."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class _Refused(Exception):
    """The token is signed as it should be and lacks something else; the message names what."""


def authorize(event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a TOKEN authorizer's event; raises Unauthorized, whatever is wrong with the token.

    Raises KeysUnavailable where nobody can say: template.yaml makes a 503 of every other message.
    """
    try:
        context = _verified(_bearer_token(event.get("authorizationToken")), get_settings())
    except KeysUnavailable:
        logger().exception("tokens cannot be verified")
        raise
    except UnknownKey:
        logger().info("token refused", reason="UnknownKey")
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
    header, keys = jwt.get_unverified_header(token), token_keys(settings)
    # Before any key is asked for: a token of another kind costs nothing.
    if header.get("alg") not in keys.algorithms:
        raise _Refused("another algorithm")
    # PyJWT holds the token to its key's own algorithm, and that to ours.
    claims: dict[str, Any] = jwt.decode(
        token,
        keys.key(header.get("kid")),
        algorithms=keys.algorithms,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        leeway=TOKEN_LEEWAY_S,
        options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
    )
    return {
        "tenantId": _claim(claims, settings.claim_tenant, TENANT_PATTERN),
        "userId": _claim(claims, settings.claim_user, USER_PATTERN),
        "roles": ",".join(_roles(_value(claims, settings.claim_roles))),
        "exp": str(int(claims["exp"])),
    }


def _claim(claims: Mapping[str, Any], name: str, pattern: str) -> str:
    value = _value(claims, name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise _Refused(f"claim {name} missing or of another form")
    return value


def _value(claims: Mapping[str, Any], name: str) -> object:
    """The claim of that name, else the one at that path: some issuers nest theirs (`realm_access.roles`)."""
    if name in claims:
        return claims[name]
    value: object = claims
    for part in name.split("."):
        value = cast("dict[str, object]", value).get(part) if isinstance(value, dict) else None
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
