"""Deploy to AWS: `make deploy ENV=prod`.

A deployment has one region and one architecture, which samconfig.toml records. The first deployment asks for the values
that have no default and writes them into samconfig.toml. Defaults are not written there, so that a later release can
change them. Every deployment passes the value of every parameter, because CloudFormation would otherwise keep the value
of the previous deployment.

`--prepare` builds and checks without a call to AWS. `--prepared` deploys the result. A pipeline runs one after the
other and fetches its short-lived credentials in between.
"""

import os
import re
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import tomlkit

from local.template import ROOT, Template
from ops.deployment import (
    REGION_VARIABLES,
    SAMCONFIG,
    Deployment,
    DeploymentError,
    find,
    one_line_errors,
    parsed_overrides,
)
from ops.release import BUILT, MACHINES, resolved_parameters, write_release

# Required parameters without a useful default, by the way in which tokens are verified.
OTHER_ISSUER: Final = ("TokenIssuer", "TokenAudience")
KEYS: Final = ("TokenJwksUrl", "TokenSecretArn")
USER_POOL: Final = ("SignInPrefix", "SignInCallbackUrl")
# A stack cannot be updated after its creation or deletion has failed.
CANNOT_BE_UPDATED: Final = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")

type Ask = Callable[[str], str]
type Run = Callable[[Sequence[str], Mapping[str, str]], None]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--env", required=True)
    parser.add_argument("--architecture", default="", choices=["", *MACHINES])
    parser.add_argument("--role-arn", default="", help="role that CloudFormation assumes")
    steps = parser.add_mutually_exclusive_group()
    steps.add_argument("--prepare", action="store_true")
    steps.add_argument("--prepared", action="store_true")
    options = parser.parse_args(arguments)
    with one_line_errors("make deploy"):
        template = Template.read(ROOT / "template.yaml")
        deployment = completed(find(options.env), template, architecture=options.architecture, ask=_terminal())
        parameters = resolved_parameters(template, deployment.parameters)
        # Check the stack before the build, which takes a minute.
        is_first = not options.prepare and not exists(deployment)
        if not options.prepared:
            build(parameters["Architecture"], _run)
        if not options.prepare:
            deploy(deployment, parameters, _run, is_first=is_first, role_arn=options.role_arn)


def completed(
    deployment: Deployment,
    template: Mapping[str, Any],
    *,
    architecture: str,
    ask: Ask | None,
    samconfig: Path = SAMCONFIG,
    variables: Mapping[str, str] = os.environ,
) -> Deployment:
    """Return the deployment with its region and all parameters that have no default, and record new values.

    Args:
        deployment: The deployment as samconfig.toml describes it.
        template: The template with the declared parameters.
        architecture: The architecture on the command line; empty for the recorded one.
        ask: Asks the operator for a value; None if there is no terminal.
        samconfig: The file in which new values are recorded.
        variables: Environment variables, which can name the region.

    Raises:
        DeploymentError: A value is missing and there is no terminal, or the command line names another architecture
            than the deployment has.
    """
    given = dict(deployment.parameters)
    answers: dict[str, str] = {}
    recorded = given.get("Architecture")
    has = recorded or template["Parameters"]["Architecture"]["Default"]
    if architecture and architecture != has:
        if recorded or deployment.region:
            raise DeploymentError(
                f"{deployment.environment} has Architecture={has} (samconfig.toml), not {architecture}"
            )
        answers["Architecture"] = architecture
    region = deployment.region or _region(deployment.environment, ask, variables)
    answers |= _answers(given, template["Parameters"], ask, deployment.environment)
    if region != deployment.region or answers:
        _record(samconfig, deployment.environment, region, answers)
    return replace(deployment, region=region, parameters=given | answers)


def build(architecture: str, run: Run) -> None:
    """Check the template and build it for one architecture, without a call to AWS."""
    run(["sam", "validate", "--lint"], {})
    run(["sam", "build", "--parameter-overrides", f"Architecture={architecture}"], {"ARCHITECTURE": architecture})


def deploy(
    deployment: Deployment,
    parameters: Mapping[str, str],
    run: Run,
    *,
    is_first: bool,
    role_arn: str = "",
    built: Path = BUILT,
) -> None:
    """Deploy a build.

    The first deployment has two steps: the second one protects the data against deletion.

    Raises:
        DeploymentError: There is no build, or nothing was deployed because the first change set was declined.
    """
    if not (built / "template.yaml").exists():
        raise DeploymentError("nothing is prepared: run make prepare")
    values = built / "parameters.yaml"
    values.write_text("".join(f"{name}: '{value.replace("'", "''")}'\n" for name, value in parameters.items()))
    # By default SAM looks for samconfig.toml in the folder of the template, which is that of the release.
    command = ["sam", "deploy", "--config-file", str(SAMCONFIG), "--config-env", deployment.environment]
    command += ["--region", str(deployment.region)]
    command += ["--parameter-overrides", f"file://{values}", *(["--role-arn", role_arn] if role_arn else [])]
    # In a pipeline, the reviewers of GitHub's environment have already approved the deployment.
    confirmed = ["--no-confirm-changeset"] if os.environ.get("CI") else []
    if is_first:
        release = write_release(built, parameters, protects_data=False)
        run([*command, *confirmed, "--template-file", str(release)], {})
        # SAM also returns 0 if the change set is declined.
        if not exists(deployment):
            raise DeploymentError("nothing was deployed")
        print("The stack has been created. The second step protects its data against deletion.", flush=True)
        confirmed = ["--no-confirm-changeset"]
    release = write_release(built, parameters, protects_data=True)
    run([*command, *confirmed, "--template-file", str(release)], {})


def exists(deployment: Deployment) -> bool:
    """Return True if the stack of a deployment exists and can be updated.

    Raises:
        DeploymentError: The stack exists but cannot be updated, because it is being changed or its creation failed.
    """
    try:
        status = deployment.describe()["StackStatus"]
    except DeploymentError:
        return False
    if status in CANNOT_BE_UPDATED:
        raise DeploymentError(
            f"{deployment.stack_name} is in {status}: delete it with `aws cloudformation delete-stack --region "
            f"{deployment.region} --stack-name {deployment.stack_name}`, wait until it is gone, and deploy again"
        )
    # A change set that was never executed leaves a stack without resources.
    if status == "REVIEW_IN_PROGRESS":
        return False
    if status.endswith("_IN_PROGRESS"):
        raise DeploymentError(f"{deployment.stack_name} is in {status}: wait until it has ended")
    return True


def _terminal() -> Ask | None:
    return input if sys.stdin.isatty() and not os.environ.get("CI") else None


def _region(environment: str, ask: Ask | None, variables: Mapping[str, str]) -> str:
    named = {variables[name] for name in REGION_VARIABLES if variables.get(name)}
    if len(named) > 1:
        raise DeploymentError(f"{' and '.join(REGION_VARIABLES)} name two regions: {', '.join(sorted(named))}")
    if named:
        return named.pop()
    if ask is None:
        raise DeploymentError(
            f'{environment} has no region: set region = "..." under [{environment}.global.parameters] in samconfig.toml'
        )
    return _ask_until_valid(ask, "Region of AWS, such as sa-east-1", r"[a-z]{2}(-[a-z]+)+-[0-9]")


def _answers(
    given: Mapping[str, str], declared: Mapping[str, Any], ask: Ask | None, environment: str
) -> dict[str, str]:
    """Ask for the parameters that are still missing, and return their values."""
    answers: dict[str, str] = {}
    for choices in _missing(given):
        if ask is None:
            raise DeploymentError(
                f"{' or '.join(choices)} has no value: set it among the parameter_overrides of "
                f"[{environment}.deploy.parameters] in samconfig.toml"
            )
        for name in choices:
            last = name == choices[-1]
            question = f"{name}: {declared[name]['Description']}" + ("" if last else f" Empty for {choices[-1]}.")
            value = _ask_until_valid(ask, question, declared[name]["AllowedPattern"], optional=not last)
            if value:
                answers[name] = value
                break
        # An answer can require another value: a user pool needs the page to which users return.
        return answers | _answers({**given, **answers}, declared, ask, environment)
    return answers


def _missing(given: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Yield groups of parameters of which one value is required and missing."""
    if given.get(USER_POOL[0]):
        if not given.get(USER_POOL[1]):
            yield USER_POOL[1:]
        return
    if not given.get(OTHER_ISSUER[0]):
        yield (OTHER_ISSUER[0], USER_POOL[0])
        return
    if not given.get(OTHER_ISSUER[1]):
        yield OTHER_ISSUER[1:]
    if not any(given.get(name) for name in KEYS):
        yield KEYS


def _ask_until_valid(ask: Ask, question: str, pattern: str, *, optional: bool = False) -> str:
    while True:
        value = ask(f"{question}\n> ").strip()
        if (optional and not value) or (value and re.fullmatch(pattern, value)):
            return value
        print("This value has the wrong format.", file=sys.stderr)


def _record(samconfig: Path, environment: str, region: str, answers: Mapping[str, str]) -> None:
    """Write the region and the answers into an environment's section. The rest of the file stays unchanged."""
    document: Any = tomlkit.parse(samconfig.read_text(encoding="utf-8"))
    section = document[environment]
    if "global" not in section:
        section["global"] = tomlkit.table(is_super_table=True)
        section["global"]["parameters"] = tomlkit.table().add("region", region).add(tomlkit.nl())
    section["global"]["parameters"]["region"] = region
    deploy_section = section["deploy"]["parameters"]
    if not isinstance(deploy_section.get("parameter_overrides"), list):
        # SAM's guided deployment writes the overrides as one string.
        known = parsed_overrides(deploy_section.get("parameter_overrides", []))
        deploy_section["parameter_overrides"] = [f"{name}={value}" for name, value in known.items()]
    for name, value in answers.items():
        deploy_section["parameter_overrides"].append(f"{name}={value}")
    samconfig.write_text(tomlkit.dumps(document), encoding="utf-8")


def _run(command: Sequence[str], variables: Mapping[str, str]) -> None:
    try:
        # `sam` and the other programs are found in the virtual environment first.
        subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    main()
