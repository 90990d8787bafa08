"""Show or set what a tenant's administrators cannot exceed: `make ceiling ENV=prod TENANT=acme REQUESTS_PER_HOUR=500`.

A tenant's ceiling replaces the deployment's. It applies from the tenant's next request: limits above it are lowered to
it, and stay there when the ceiling is raised, until the tenant's administrator raises them. Without a limit the command
only prints the ceilings.
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from re import fullmatch

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from nexus_ai.aws.dynamodb.table import Table
from nexus_ai.limits.ceilings import Ceiling, CeilingStore, LimitStoreWithCeiling
from nexus_ai.limits.models import LimitSettings
from nexus_ai.platform.caller import TENANT_PATTERN
from nexus_ai.platform.money import dollars_from_micros, micros_from_dollars
from nexus_ai.platform.settings import OptionalDollars, OptionalLimit
from ops.deployment import find, one_line_errors

DEFAULT = "default"
_LIMIT: TypeAdapter[int | None] = TypeAdapter(OptionalLimit)
_DOLLARS: TypeAdapter[Decimal | None] = TypeAdapter(OptionalDollars)


def _limit(text: str) -> int | None:
    return _LIMIT.validate_python(text)


def _micros(text: str) -> int | None:
    dollars = _DOLLARS.validate_python(text)
    return None if dollars is None else micros_from_dollars(dollars)


# By the name in Ceiling: how a text is read, and the template's parameters of the default and the ceiling.
_LIMITS: Mapping[str, tuple[Callable[[str], int | None], str, str]] = {
    "requests_per_hour": (_limit, "DefaultRequestsPerHour", "CeilingRequestsPerHour"),
    "tokens_per_day": (_limit, "DefaultTokensPerDay", "CeilingTokensPerDay"),
    "cost_per_month_micros": (_micros, "DefaultCostPerMonthUsd", "CeilingCostPerMonthUsd"),
}


class _Bounds(BaseModel):
    """What a ceiling can be set to: as much as a limit can be."""

    requests_per_hour: int | None = Field(default=None, ge=0, lt=10**9)
    tokens_per_day: int | None = Field(default=None, ge=0, lt=10**12)
    cost_per_month_micros: int | None = Field(default=None, ge=0, lt=10**15)


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _arguments(arguments)
    own, deployments = _wanted(asked)
    with one_line_errors("make ceiling"):
        deployment = find(asked.env)
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in deployment.describe()["Parameters"]}
        resource = deployment.client("cloudformation").describe_stack_resource(
            StackName=deployment.stack_name, LogicalResourceId="RateLimitsTable"
        )
    # The store's own client takes the region from here.
    os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = str(deployment.region)
    table = Table(resource["StackResourceDetail"]["PhysicalResourceId"])
    ceilings = CeilingStore(table, _deployment(parameters))
    if own or deployments:
        LimitStoreWithCeiling(table, 1, ceilings).set_ceiling(
            asked.tenant, own, deployments, defaults=_defaults(parameters), now_s=int(time.time())
        )
    print(_told(asked.tenant, ceilings.load(asked.tenant)))


def _arguments(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="make ceiling", description=__doc__)
    parser.add_argument("--env", required=True)
    parser.add_argument("--tenant", required=True)
    for name in ("requests-per-hour", "tokens-per-day", "cost-per-month-usd"):
        parser.add_argument(f"--{name}", metavar="NUMBER", help="or none (no ceiling), or default (the deployment's)")
    asked = parser.parse_args(arguments)
    if not fullmatch(TENANT_PATTERN, asked.tenant):
        parser.error("this is no id of a tenant")
    return asked


def _wanted(asked: Namespace) -> tuple[dict[str, int | None], frozenset[str]]:
    """The ceilings to set, and those to leave to the deployment."""
    given = {
        "requests_per_hour": asked.requests_per_hour,
        "tokens_per_day": asked.tokens_per_day,
        "cost_per_month_micros": asked.cost_per_month_usd,
    }
    try:
        own = {name: _LIMITS[name][0](text) for name, text in given.items() if text not in {None, DEFAULT}}
        _Bounds.model_validate(own)
    except ValidationError:
        sys.exit("make ceiling: a ceiling is a number from 0, none, or default")
    return own, frozenset(name for name, text in given.items() if text == DEFAULT)


def _deployment(parameters: Mapping[str, str]) -> Ceiling:
    return Ceiling.model_validate({name: read(parameters[most]) for name, (read, _, most) in _LIMITS.items()})


def _defaults(parameters: Mapping[str, str]) -> LimitSettings:
    limits: dict[str, object] = {name: read(parameters[limit]) for name, (read, limit, _) in _LIMITS.items()}
    return LimitSettings.model_validate({**limits, "time_zone": parameters["DefaultTimeZone"]})


def _told(tenant_id: str, ceiling: Ceiling) -> str:
    micros = ceiling.cost_per_month_micros
    told = {
        "requestsPerHour": ceiling.requests_per_hour,
        "tokensPerDay": ceiling.tokens_per_day,
        "costPerMonthUsd": None if micros is None else dollars_from_micros(micros),
    }
    return "\n".join(
        [
            f"ceilings of {tenant_id}",
            *(f"  {name:16} {'none' if most is None else most}" for name, most in told.items()),
        ]
    )


if __name__ == "__main__":
    main()
