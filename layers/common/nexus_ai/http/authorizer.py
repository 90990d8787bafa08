"""Verify bearer tokens for API Gateway: JWTs signed by one of the deployment's keys (http/token_keys.py).

The signature, algorithm, issuer, audience and times are checked, and the token must name a tenant and a user. Unknown
roles are ignored. A token without a known role is still valid, but every route requires a role, so the response is 403
and not 401.
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
    """Token that lacks something required. The message says what."""


def authorize(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy for an event of a TOKEN authorizer: allow for a valid token, deny for any other.

    A refused token is a result, not an error. The error count of the function therefore contains only faults, and API
    Gateway caches the refusal. The gateway response ACCESS_DENIED turns it into a 401.

    Raises:
        KeysUnavailableError: The keys to verify tokens with could not be read. API Gateway responds with 503.
    """
    method_arn, settings = event["methodArn"], get_settings()
    try:
        keys = token_keys(settings)
        context = _authorizer_context(_claims(_bearer_token(event.get("authorizationToken")), keys, settings), settings)
    except KeysUnavailableError:
        logger().exception("tokens cannot be verified")
        raise
    except UnknownKeyError:
        reason = "UnknownKey"
    except (jwt.PyJWTError, _RefusedError) as error:
        # PyJWT's messages can quote parts of the token, so log only its error class.
        reason = str(error) if isinstance(error, _RefusedError) else type(error).__name__
    else:
        return {**_response(context["userId"], "Allow", method_arn), "context": context}
    logger().info("token refused", reason=reason)
    return _response("refused", "Deny", method_arn)


def _bearer_token(header: object) -> str:
    if not isinstance(header, str) or len(header) > TOKEN_MAX_BYTES:
        raise _RefusedError("no token, or token too long")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _RefusedError("no bearer token")
    return token.strip()


def _claims(token: str, keys: TokenKeys, settings: Settings) -> dict[str, Any]:
    """Return the claims of a valid token.

    Raises:
        _RefusedError: The token is unreadable or its algorithm is not allowed.
        PyJWTError: The signature, the times, the issuer or the audience is invalid.
    """
    try:
        header = jwt.get_unverified_header(token)
        # Check the algorithm before any key is read, so that other kinds of tokens cause no request.
        if header.get("alg") not in keys.algorithms:
            raise _RefusedError("algorithm not allowed")
        # PyJWT checks that the token's algorithm fits its key and is one of ours.
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
        # The client controls the token, so a parser failure means a bad token. Any other error is our fault.
        raise _RefusedError(f"unreadable: {type(error).__name__}") from None


def _authorizer_context(claims: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """Return the context for the routes. All values are strings, because API Gateway passes on nothing else."""
    return {
        "tenantId": _claim(claims, settings.claim_tenant, TENANT_PATTERN),
        "userId": _claim(claims, settings.claim_user, USER_PATTERN),
        "roles": ",".join(_roles(_value(claims, settings.claim_roles))),
        "exp": str(int(claims["exp"])),
    }


def _claim(claims: Mapping[str, Any], name: str, pattern: str) -> str:
    value = _value(claims, name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise _RefusedError(f"claim {name} missing or malformed")
    return value


def _value(claims: Mapping[str, Any], name: str) -> object:
    """Return the claim of this name, or the one at this path, such as `realm_access.roles`.

    Some issuers nest their claims.
    """
    if name in claims:
        return claims[name]
    value: object = claims
    for part in name.split("."):
        value = cast("dict[str, object]", value).get(part) if isinstance(value, dict) else None
    return value


def _roles(claim: object) -> list[str]:
    """Return the known roles of a claim. Issuers send a list, or text separated by spaces or commas."""
    names: Iterable[object] = ()
    if isinstance(claim, str):
        names = re.split(r"[\s,]+", claim)
    elif isinstance(claim, list):
        names = cast("list[object]", claim)
    return sorted({Role(name) for name in names if isinstance(name, str) and name in Role})


def _response(principal_id: str, effect: str, method_arn: str) -> dict[str, Any]:
    """Return a policy for all routes of the stage, because API Gateway caches it by token for all of them."""
    api, stage = method_arn.split("/")[:2]
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": f"{api}/{stage}/*/*"}
    return {"principalId": principal_id, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
