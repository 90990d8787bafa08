"""`make deploy` asks for what has no default, records it, and deploys one region and one architecture."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from local.template import ROOT, Template
from ops import deploy as command
from ops.deploy import completed, deploy
from ops.deployment import Deployment, DeploymentError, find, one_line_errors
from ops.release import resolved_parameters

TEMPLATE = Template.read(ROOT / "template.yaml")
SAMCONFIG = """
# A comment that stays.
[dev.deploy.parameters]
stack_name = "nexus-ai-dev"
parameter_overrides = ["Stage=dev", "LogLevel=DEBUG"]

[staging.deploy.parameters]
stack_name = "nexus-ai-staging"
parameter_overrides = ["Stage=staging"]

[prod.global.parameters]
region = "sa-east-1"

[prod.deploy.parameters]
stack_name = "nexus-ai-prod"
parameter_overrides = [
    "Stage=prod", "TokenIssuer=https://issuer.example", "TokenAudience=crm", "TokenJwksUrl=https://issuer.example/keys",
]
"""
ANSWERS = {
    "Region": "eu-west-1",
    "TokenIssuer": "https://issuer.example",
    "TokenAudience": "crm",
    "TokenJwksUrl": "https://issuer.example/keys",
}


@pytest.fixture
def samconfig(tmp_path: Path) -> Path:
    path = tmp_path / "samconfig.toml"
    path.write_text(SAMCONFIG)
    return path


def person(answers: Mapping[str, str]) -> tuple[Callable[[str], str], list[str]]:
    """Return somebody who answers by the first word of a question, and the list of first words that were asked."""
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question.split(maxsplit=1)[0].rstrip(":"))
        return answers[asked[-1]]

    return ask, asked


def complete(
    samconfig: Path,
    environment: str,
    answers: Mapping[str, str] | None = None,
    *,
    architecture: str = "",
    variables: Mapping[str, str] | None = None,
) -> tuple[Deployment, list[str]]:
    ask, asked = person(answers or {})
    variables = variables or {}
    deployment = completed(
        find(environment, samconfig=samconfig, variables=variables),
        TEMPLATE,
        architecture=architecture,
        ask=None if answers is None else ask,
        samconfig=samconfig,
        variables=variables,
    )
    return deployment, asked


def test_the_first_run_asks_only_for_what_has_no_default_and_records_no_default(samconfig: Path) -> None:
    deployment, asked = complete(samconfig, "dev", ANSWERS)

    assert asked == ["Region", "TokenIssuer", "TokenAudience", "TokenJwksUrl"]
    assert deployment.region == "eu-west-1"
    recorded = tomllib.loads(samconfig.read_text())["dev"]
    assert recorded["global"]["parameters"] == {"region": "eu-west-1"}
    assert recorded["deploy"]["parameters"]["parameter_overrides"] == [
        "Stage=dev",
        "LogLevel=DEBUG",
        *(f"{name}={value}" for name, value in ANSWERS.items() if name != "Region"),
    ]
    assert "# A comment that stays." in samconfig.read_text()


def test_the_second_run_asks_nothing_and_changes_nothing(samconfig: Path) -> None:
    first, _ = complete(samconfig, "dev", ANSWERS)
    written = samconfig.read_text()

    second, asked = complete(samconfig, "dev", {})

    assert (second, asked) == (first, [])
    assert samconfig.read_text() == written


def test_a_user_pool_takes_the_place_of_another_issuer(samconfig: Path) -> None:
    answers = {"TokenIssuer": "", "SignInPrefix": "crm-dev", "SignInCallbackUrl": "https://crm.example/signed-in"}

    deployment, asked = complete(samconfig, "dev", answers, variables={"AWS_REGION": "eu-west-1"})

    assert asked == ["TokenIssuer", "SignInPrefix", "SignInCallbackUrl"]
    assert deployment.parameters["SignInPrefix"] == "crm-dev"
    assert not {"TokenIssuer", "TokenAudience"} & deployment.parameters.keys()


def test_an_answer_of_another_form_is_asked_for_again(samconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = iter(["no region", "eu-west-1", "https://issuer.example", "crm", "", "not an arn", "arn:aws:secret"])

    def ask(_question: str) -> str:
        return next(given)

    deployment = completed(
        find("dev", samconfig=samconfig, variables={}),
        TEMPLATE,
        architecture="",
        ask=ask,
        samconfig=samconfig,
        variables={},
    )

    assert (deployment.region, deployment.parameters["TokenSecretArn"]) == ("eu-west-1", "arn:aws:secret")
    assert capsys.readouterr().err.count("not a value of that form") == 2


@pytest.mark.parametrize(("variables", "missing"), [({}, "no region"), ({"AWS_REGION": "eu-west-1"}, "TokenIssuer")])
def test_a_pipeline_is_refused_what_is_missing(variables: dict[str, str], missing: str, samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match=missing) as refusal:
        complete(samconfig, "dev", variables=variables)
    assert "\n" not in str(refusal.value)
    assert samconfig.read_text() == SAMCONFIG


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_another_region_of_the_shell_is_refused(variable: str, samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match=f"sa-east-1.*{variable} is us-east-1"):
        find("prod", samconfig=samconfig, variables={variable: "us-east-1"})
    assert find("prod", samconfig=samconfig, variables={variable: "sa-east-1"}).region == "sa-east-1"


def test_two_regions_of_the_shell_are_refused(samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match="two regions: eu-west-1, us-east-1"):
        complete(samconfig, "dev", variables={"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "eu-west-1"})


def test_an_environment_that_there_is_not_is_refused(samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match="ENV is dev, staging or prod"):
        find("production", samconfig=samconfig)


def test_the_named_architecture_is_built_deployed_and_recorded(samconfig: Path) -> None:
    deployment, _ = complete(samconfig, "prod", architecture="x86_64")
    assert resolved_parameters(TEMPLATE, deployment.parameters)["Architecture"] == "x86_64"
    again, _ = complete(samconfig, "prod")
    assert again == deployment
    with pytest.raises(DeploymentError, match="Architecture=x86_64 in samconfig"):
        complete(samconfig, "prod", architecture="arm64")


def test_the_default_architecture_is_not_recorded(samconfig: Path) -> None:
    complete(samconfig, "prod", architecture="arm64")
    assert samconfig.read_text() == SAMCONFIG


class CloudFormation:
    """A client of CloudFormation with one stack or none."""

    def __init__(self, status: str | None) -> None:
        self._status = status

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:  # noqa: N803 (boto3's name)
        if self._status is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": StackName}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": self._status}]}


PARAMETERS = {**resolved_parameters(TEMPLATE, {}), "DashboardUrl": "https://crm.example/a'b?c=d&e", "CorsOrigin": ""}


def run_deploy(
    monkeypatch: pytest.MonkeyPatch, built: Path, status: str | None, *, role_arn: str = ""
) -> list[tuple[list[str], bool]]:
    """Return each command of a deployment to a stack of that status, and whether its release protects the data."""
    commands: list[tuple[list[str], bool]] = []
    protections: list[bool] = []

    def write_release(_built: Path, parameters: Mapping[str, str], *, protects_data: bool) -> Path:
        assert parameters == PARAMETERS
        protections.append(protects_data)
        return built / "release.yaml"

    def run(arguments: Sequence[str], _variables: Mapping[str, str]) -> None:
        commands.append((list(arguments), protections[-1]))

    def client(_deployment: Deployment, _service: str) -> CloudFormation:
        return CloudFormation(status)

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(Deployment, "client", client)
    monkeypatch.setattr(command, "write_release", write_release)
    deploy(Deployment("prod", "nexus-ai-prod", "sa-east-1", {}), PARAMETERS, run, role_arn=role_arn, built=built)
    return commands


def test_every_parameter_is_passed_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ((arguments, protects),) = run_deploy(monkeypatch, tmp_path, "UPDATE_COMPLETE")

    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert (options["--config-env"], options["--region"]) == ("prod", "sa-east-1")
    passed = yaml.safe_load(Path(options["--parameter-overrides"].removeprefix("file://")).read_text())
    assert passed == PARAMETERS
    assert protects


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS"])
def test_the_first_deployment_protects_the_data_in_a_second_step(
    status: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands = run_deploy(monkeypatch, tmp_path, status, role_arn="arn:aws:iam::123456789012:role/x")

    assert [protects for _, protects in commands] == [False, True]
    assert ["--no-confirm-changeset" in arguments for arguments, _ in commands] == [False, True]
    assert all("--role-arn" in arguments for arguments, _ in commands)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"])
def test_a_failed_first_deployment_is_named_with_the_way_out(
    status: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    way_out = r"delete-stack --region sa-east-1 --stack-name nexus-ai-prod"
    with pytest.raises(DeploymentError, match=way_out):
        run_deploy(monkeypatch, tmp_path, status)


@pytest.mark.parametrize("program", ["deploy", "site", "ceiling"])
def test_a_mismatch_of_the_region_is_one_line_of_every_program(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, one_line_errors(f"make {program}"):
        raise DeploymentError("prod is deployed in sa-east-1 (samconfig.toml), but AWS_REGION is us-east-1")
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        f"make {program}: prod is deployed in sa-east-1 (samconfig.toml), but AWS_REGION is us-east-1"
    ]


def test_a_refusal_of_aws_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), one_line_errors("make site"):
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "secret words"}}, "DescribeStacks")
    assert capsys.readouterr().err == "make site: AWS refused DescribeStacks: ExpiredToken\n"
