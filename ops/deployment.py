"""Find a deployment: the stack, region and parameters of an environment in samconfig.toml.

All commands that use a deployed stack (`make deploy`, `site`, `ceiling`, `smoke`) use this module, so that they work on
the same stack in the same region.
"""

import os
import sys
import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from local.template import ROOT

ENVIRONMENTS: Final = ("dev", "staging", "prod")
SAMCONFIG: Final = ROOT / "samconfig.toml"
# boto3 reads only the second one, other AWS tools the first.
REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


class DeploymentError(Exception):
    """Failed command. The message is the reason, in one line for the operator."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One environment of samconfig.toml.

    Attributes:
        parameters: Values that samconfig.toml sets, by the template's names, without defaults.
        region: None before the first deployment.
    """

    environment: str
    stack_name: str
    region: str | None
    parameters: Mapping[str, str]

    def client(self, service: str) -> Any:
        """Return a boto3 client of the deployment's region.

        Raises:
            DeploymentError: The deployment has no region yet.
        """
        import boto3  # noqa: PLC0415 (the import would take most of the time of `--help`)

        if self.region is None:
            raise DeploymentError(
                f'{self.environment} has no region: deploy it first, or set region = "..." under '
                f"[{self.environment}.global.parameters] in samconfig.toml"
            )
        make = cast("Callable[..., Any]", boto3.client)  # pyright: ignore[reportUnknownMemberType]
        return make(service, region_name=self.region)

    def describe(self) -> dict[str, Any]:
        """Return CloudFormation's description of the stack.

        Raises:
            DeploymentError: There is no such stack in the region.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            (stack,) = self.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"]
        except ClientError as error:
            if _code(error) == "ValidationError":
                raise DeploymentError(f"there is no stack {self.stack_name} in {self.region}") from None
            raise
        return cast("dict[str, Any]", stack)

    def outputs(self) -> dict[str, str]:
        """Return the values of the stack's outputs by name."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.describe().get("Outputs", [])}


def find(environment: str, *, samconfig: Path | None = None, variables: Mapping[str, str] = os.environ) -> Deployment:
    """Return an environment's deployment as samconfig.toml describes it.

    Raises:
        DeploymentError: There is no such environment, or the shell names another region than samconfig.toml.
    """
    if environment not in ENVIRONMENTS:
        raise DeploymentError(f"ENV is {', '.join(ENVIRONMENTS[:-1])} or {ENVIRONMENTS[-1]}")
    section = tomllib.loads((samconfig or SAMCONFIG).read_text(encoding="utf-8"))[environment]
    deploy, shared = section["deploy"]["parameters"], section.get("global", {}).get("parameters", {})
    region = shared.get("region") or deploy.get("region")
    for name in REGION_VARIABLES:
        named = variables.get(name)
        if region and named and named != region:
            raise DeploymentError(f"{environment} is deployed in {region} (samconfig.toml), but {name} is {named}")
    return Deployment(
        environment, deploy["stack_name"], region, parsed_overrides(deploy.get("parameter_overrides", []))
    )


@contextmanager
def one_line_errors(command: str) -> Generator[None]:
    """Turn errors that the operator can correct into one line and exit status 2."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except DeploymentError as error:
        reason = str(error)
    except ClientError as error:
        reason = f"AWS refused {error.operation_name}: {_code(error)}"
    except BotoCoreError as error:
        reason = str(error).splitlines()[0]
    except (KeyboardInterrupt, EOFError):
        reason = "interrupted"
    else:
        return
    print(f"{command}: {reason}", file=sys.stderr)
    sys.exit(2)


def _code(error: Any) -> str:
    """Return AWS's code of a ClientError."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def parsed_overrides(overrides: object) -> dict[str, str]:
    """Return the parameters from any format that SAM's configuration accepts."""
    from samcli.cli.types import CfnParameterOverridesType  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    parameter_type: Any = CfnParameterOverridesType()
    return cast("dict[str, str]", parameter_type.convert(overrides, None, None))
