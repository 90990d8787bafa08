"""Verifies callers' tokens for API Gateway: JWTs, signed by one of the deployment's keys (http/token_keys.py).

Algorithm, issuer, audience and times are checked; the tenant and the user have to be there. Roles that are not ours are
left out. A token without any role of ours is valid all the same: it gets in and no further, for each route names the
role it needs (403, where a bad token is 401).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import jwt

from nexus_ai.http.event import TOKEN_LEEWAY_S
from nexus_ai.http.token_keys import KeysUnavailableError, TokenKeys, UnknownKeyError, token_keys
from nexus_ai.platform.caller import TENANT_PATTERN, USER_PATTERN, Role
from nexus_ai.platform.observability import logger
from nexus_ai.platform.settings import Settings, get_settings

TOKEN_MAX_BYTES = 8192


class _RefusedError(Exception):
    """The token is signed as it should be and lacks something else; the message names what."""


def authorize(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy for a TOKEN authorizer's event: allow for a valid token, deny for any other.

    A refused token is a result and not an error. So the function's error count holds faults alone, and API Gateway
    caches the refusal. The gateway response ACCESS_DENIED makes 401 of it.

    Raises:
        KeysUnavailable: The keys to verify tokens with cannot be read. API Gateway responds with 503.
    """
    method_arn, settings = event["methodArn"], get_settings()
    try:
        keys = token_keys(settings)
        context = _caller_of(_claims(_bearer_token(event.get("authorizationToken")), keys, settings), settings)
    except KeysUnavailableError:
        logger().exception("tokens cannot be verified")
        raise
    except UnknownKeyError:
        reason = "UnknownKey"
    except (jwt.PyJWTError, _RefusedError) as refusal:
        # Messages of the library quote parts of the token; ours do not.
        reason = str(refusal) if isinstance(refusal, _RefusedError) else type(refusal).__name__
    else:
        return {**_response(context["userId"], "Allow", method_arn), "context": context}
    logger().info("token refused", reason=reason)
    return _response("refused", "Deny", method_arn)


def _bearer_token(header: object) -> str:
    if not isinstance(header, str) or len(header) > TOKEN_MAX_BYTES:
        raise _RefusedError("no token, or one too long")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _RefusedError("no bearer token")
    return token.strip()


def _claims(token: str, keys: TokenKeys, settings: Settings) -> dict[str, Any]:
    """Return the claims of a token that is signed by one of the keys, in its time, and meant for this deployment."""
    try:
        header = jwt.get_unverified_header(token)
        # Before any key is asked for: a token of another kind costs nothing.
        if header.get("alg") not in keys.algorithms:
            raise _RefusedError("another algorithm")
        # PyJWT holds the token to its key's own algorithm, and that to ours.
        return jwt.decode(
            token,
            keys.key(header.get("kid")),
            algorithms=keys.algorithms,
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            leeway=TOKEN_LEEWAY_S,
            options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
        )
    except (ValueError, OverflowError, RecursionError) as error:
        # A stranger chooses the text: one that breaks the parser is a bad token. Every other error is a fault of ours.
        raise _RefusedError(f"unreadable: {type(error).__name__}") from None


def _caller_of(claims: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """Return what the routes learn of the caller, as texts, because API Gateway passes on nothing else."""
    return {
        "tenantId": _claim(claims, settings.claim_tenant, TENANT_PATTERN),
        "userId": _claim(claims, settings.claim_user, USER_PATTERN),
        "roles": ",".join(_roles(_value(claims, settings.claim_roles))),
        "exp": str(int(claims["exp"])),
    }


def _claim(claims: Mapping[str, Any], name: str, pattern: str) -> str:
    value = _value(claims, name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise _RefusedError(f"claim {name} missing or of another form")
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


def _response(principal_id: str, effect: str, method_arn: str) -> dict[str, Any]:
    """Return a policy for every route of the stage, because API Gateway caches it by token for all of them."""
    api, stage = method_arn.split("/")[:2]
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": f"{api}/{stage}/*/*"}
    return {"principalId": principal_id, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
