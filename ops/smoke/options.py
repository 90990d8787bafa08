"""Read the options of a run: the deployment from the command line, everything else from the environment."""

import re
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt
from botocore.exceptions import BotoCoreError, ClientError

from local.dev.demo import PROVIDERS
from nexus_ai.providers.base import ProviderName
from ops.deployment import DeploymentError, find
from ops.smoke.outcomes import Refused

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
JSON_WEB_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# Longest duration of a run, clean-up included. If the token expired earlier, the settings could not be restored.
RUN_S = 600
RUN_WITH_MAIL_S = 1_200


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a run. `mail_to` is the address for the e-mail check; None skips the check."""

    url: str
    provider: ProviderName
    model: str
    mail_to: str | None
    token: str = field(repr=False)
    provider_key: str = field(repr=False)

    def mask(self, text: str) -> str:
        """Return the text with the token and the provider key replaced by asterisks."""
        return text.replace(self.token, "***").replace(self.provider_key, "***")


def read_options(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Options:
    """Return the options, before any request to the API is sent.

    Raises:
        Refused: An option is missing or invalid.
    """
    parser = ArgumentParser(prog="make smoke", description="Check a deployment.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--env", help="the environment in samconfig.toml")
    where.add_argument("--url", help="the address of a deployment, in place of an environment")
    given = parser.parse_args(arguments)
    token, key, provider = (_required(environment, name) for name in _REQUIRED)
    if provider not in list(ProviderName):
        raise Refused(f"SMOKE_PROVIDER must be one of {', '.join(ProviderName)}")
    mail_to = environment.get("SMOKE_MAIL_TO", "").strip() or None
    _require_lifetime(token, RUN_WITH_MAIL_S if mail_to else RUN_S)
    name = ProviderName(provider)
    return Options(
        url=_checked(given.url or _deployed_url(given.env)),
        provider=name,
        model=environment.get("SMOKE_MODEL", "").strip() or PROVIDERS[name].model,
        mail_to=mail_to,
        token=token,
        provider_key=key,
    )


_REQUIRED = {
    "NEXUS_TOKEN": "an administrator's token of a test tenant",
    "SMOKE_PROVIDER_KEY": "a provider key, which the tenant uses during the run",
    "SMOKE_PROVIDER": "the provider to call, such as openai",
}


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise Refused(f"{name} is missing from the environment: {_REQUIRED[name]}")
    return value


def _require_lifetime(token: str, needed_s: int) -> None:
    """Raise Refused if the token may expire before the run ends. The deployment verifies its signature."""
    try:
        if not JSON_WEB_TOKEN.fullmatch(token):
            raise jwt.DecodeError
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        left_s = int(claims["exp"]) - int(time.time())
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise Refused("NEXUS_TOKEN is not a JSON Web Token with an expiry time") from None
    if left_s <= 0:
        raise Refused(f"NEXUS_TOKEN expired {-left_s} seconds ago: get a new one")
    if left_s < needed_s:
        raise Refused(f"NEXUS_TOKEN expires in {left_s} seconds, but a run may take {needed_s}: get a new one")


def _deployed_url(environment: str) -> str:
    """Return the address of an environment's API, or raise Refused if it is unknown."""
    try:
        deployment = find(environment)
        outputs = deployment.outputs()
    except DeploymentError as error:
        raise Refused(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"the stack of {environment} could not be described: {error}") from None
    if "ApiUrl" not in outputs:
        raise Refused(f"the stack {deployment.stack_name} has no output ApiUrl: it is not deployed completely")
    return outputs["ApiUrl"]


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise Refused("URL must be an address such as https://ai.crm.example.com")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise Refused("URL must begin with https://: token and provider key would be sent unencrypted")
    return url.rstrip("/")
