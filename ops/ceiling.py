"""Show or set the ceilings of a tenant's limits: `make ceiling ENV=prod TENANT=acme REQUESTS_PER_HOUR=500`.

A tenant's ceiling replaces the deployment's. It applies from the tenant's next request: limits above the ceiling are
lowered to it. If the ceiling is raised later, the limits stay until the tenant's administrator raises them. Without a
limit the command only prints the ceilings.
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


# By the name in Ceiling: the parser of a value, and the template's parameters of the default and the ceiling.
_LIMITS: Mapping[str, tuple[Callable[[str], int | None], str, str]] = {
    "requests_per_hour": (_limit, "DefaultRequestsPerHour", "CeilingRequestsPerHour"),
    "tokens_per_day": (_limit, "DefaultTokensPerDay", "CeilingTokensPerDay"),
    "cost_per_month_micros": (_micros, "DefaultCostPerMonthUsd", "CeilingCostPerMonthUsd"),
}


class _Bounds(BaseModel):
    """Permitted values of a ceiling, the same as those of a limit."""

    requests_per_hour: int | None = Field(default=None, ge=0, lt=10**9)
    tokens_per_day: int | None = Field(default=None, ge=0, lt=10**12)
    cost_per_month_micros: int | None = Field(default=None, ge=0, lt=10**15)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _arguments(arguments)
    own, deployments = _requested(options)
    with one_line_errors("make ceiling"):
        deployment = find(options.env)
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in deployment.describe()["Parameters"]}
        resource = deployment.client("cloudformation").describe_stack_resource(
            StackName=deployment.stack_name, LogicalResourceId="RateLimitsTable"
        )
    # The client of the table reads the region from these variables.
    os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = str(deployment.region)
    table = Table(resource["StackResourceDetail"]["PhysicalResourceId"])
    ceilings = CeilingStore(table, _deployment(parameters))
    if own or deployments:
        LimitStoreWithCeiling(table, 1, ceilings).set_ceiling(
            options.tenant, own, deployments, defaults=_defaults(parameters), now_s=int(time.time())
        )
    print(_report(options.tenant, ceilings.load(options.tenant)))


def _arguments(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="make ceiling", description=__doc__)
    parser.add_argument("--env", required=True)
    parser.add_argument("--tenant", required=True)
    for name in ("requests-per-hour", "tokens-per-day", "cost-per-month-usd"):
        parser.add_argument(f"--{name}", metavar="NUMBER", help="or none (no ceiling), or default (the deployment's)")
    options = parser.parse_args(arguments)
    if not fullmatch(TENANT_PATTERN, options.tenant):
        parser.error("--tenant is not a valid tenant id")
    return options


def _requested(options: Namespace) -> tuple[dict[str, int | None], frozenset[str]]:
    """Return the ceilings to set, and the names of those to reset to the deployment's."""
    given = {
        "requests_per_hour": options.requests_per_hour,
        "tokens_per_day": options.tokens_per_day,
        "cost_per_month_micros": options.cost_per_month_usd,
    }
    try:
        own = {name: _LIMITS[name][0](text) for name, text in given.items() if text not in {None, DEFAULT}}
        _Bounds.model_validate(own)
    except ValidationError:
        sys.exit("make ceiling: a ceiling must be a number of at least 0, none, or default")
    return own, frozenset(name for name, text in given.items() if text == DEFAULT)


def _deployment(parameters: Mapping[str, str]) -> Ceiling:
    return Ceiling.model_validate({name: read(parameters[most]) for name, (read, _, most) in _LIMITS.items()})


def _defaults(parameters: Mapping[str, str]) -> LimitSettings:
    limits: dict[str, object] = {name: read(parameters[limit]) for name, (read, limit, _) in _LIMITS.items()}
    return LimitSettings.model_validate({**limits, "time_zone": parameters["DefaultTimeZone"]})


def _report(tenant_id: str, ceiling: Ceiling) -> str:
    micros = ceiling.cost_per_month_micros
    values = {
        "requestsPerHour": ceiling.requests_per_hour,
        "tokensPerDay": ceiling.tokens_per_day,
        "costPerMonthUsd": None if micros is None else dollars_from_micros(micros),
    }
    return "\n".join(
        [
            f"ceilings of {tenant_id}",
            *(f"  {name:16} {'none' if value is None else value}" for name, value in values.items()),
        ]
    )


if __name__ == "__main__":
    main()
