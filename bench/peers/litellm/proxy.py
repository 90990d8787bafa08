# /// script
# requires-python = "==3.13.*"
# dependencies = ["litellm[proxy]==1.106.2", "pyjwt[crypto]==2.15.1"]
# ///
"""Run LiteLLM's proxy with a token check, in a separate environment. Its arguments are those of `litellm`."""

import os

import jwt
from litellm import run_server
from litellm.proxy._types import UserAPIKeyAuth


async def check(request: object, api_key: str) -> UserAPIKeyAuth:  # noqa: ARG001 (LiteLLM passes it)
    """Verify a token as this service does, and return the tenant's limits."""
    claims = jwt.decode(api_key, os.environ["BENCH_PUBLIC_KEY"], algorithms=["RS256"], audience="bench", issuer="bench")
    return UserAPIKeyAuth(
        api_key=claims["tenant_id"],
        user_id=claims["sub"],
        team_id=claims["tenant_id"],
        rpm_limit=claims["requests_per_minute"],
        max_budget=1000.0,
        spend=0.0,
    )


if __name__ == "__main__":
    run_server()
