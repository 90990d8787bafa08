"""Test that `make deploy` asks for values without a default, records them, and keeps to one region and architecture."""

import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from botocore.exceptions import ClientError

from local.template import ROOT, Template
from ops import ceiling, site
from ops import deploy as command
from ops import deployment as deployments
from ops.deploy import completed, deploy, exists
from ops.deployment import Deployment, DeploymentError, find, one_line_errors
from ops.release import resolved_parameters
from ops.smoke import __main__ as smoke

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


def answering(answers: Mapping[str, str]) -> tuple[Callable[[str], str], list[str]]:
    """Return a function that answers by the first word of a question, and the list of those words."""
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question.split(maxsplit=1)[0].rstrip(":"))
        return answers[questions[-1]]

    return ask, questions


def complete(
    samconfig: Path,
    environment: str,
    answers: Mapping[str, str] | None = None,
    *,
    architecture: str = "",
    variables: Mapping[str, str] | None = None,
) -> tuple[Deployment, list[str]]:
    ask, questions = answering(answers or {})
    variables = variables or {}
    deployment = completed(
        find(environment, samconfig=samconfig, variables=variables),
        TEMPLATE,
        architecture=architecture,
        ask=None if answers is None else ask,
        samconfig=samconfig,
        variables=variables,
    )
    return deployment, questions


def test_first_run_asks_for_and_records_only_missing_values(samconfig: Path) -> None:
    deployment, questions = complete(samconfig, "dev", ANSWERS)

    assert questions == ["Region", "TokenIssuer", "TokenAudience", "TokenJwksUrl"]
    assert deployment.region == "eu-west-1"
    recorded = tomllib.loads(samconfig.read_text())["dev"]
    assert recorded["global"]["parameters"] == {"region": "eu-west-1"}
    assert recorded["deploy"]["parameters"]["parameter_overrides"] == [
        "Stage=dev",
        "LogLevel=DEBUG",
        *(f"{name}={value}" for name, value in ANSWERS.items() if name != "Region"),
    ]
    assert "# A comment that stays." in samconfig.read_text()


def test_second_run_asks_nothing_and_changes_nothing(samconfig: Path) -> None:
    first, _ = complete(samconfig, "dev", ANSWERS)
    written = samconfig.read_text()

    second, questions = complete(samconfig, "dev", {})

    assert (second, questions) == (first, [])
    assert samconfig.read_text() == written


def test_user_pool_replaces_another_issuer(samconfig: Path) -> None:
    answers = {"TokenIssuer": "", "SignInPrefix": "crm-dev", "SignInCallbackUrl": "https://crm.example/signed-in"}

    deployment, questions = complete(samconfig, "dev", answers, variables={"AWS_REGION": "eu-west-1"})

    assert questions == ["TokenIssuer", "SignInPrefix", "SignInCallbackUrl"]
    assert deployment.parameters["SignInPrefix"] == "crm-dev"
    assert not {"TokenIssuer", "TokenAudience"} & deployment.parameters.keys()


def test_invalid_answer_is_asked_for_again(samconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = iter(["no region", "eu-west-1", "https://issuer.example", "crm", "", "not an arn", "arn:aws:secret"])

    def ask(_question: str) -> str:
        return next(inputs)

    deployment = completed(
        find("dev", samconfig=samconfig, variables={}),
        TEMPLATE,
        architecture="",
        ask=ask,
        samconfig=samconfig,
        variables={},
    )

    assert (deployment.region, deployment.parameters["TokenSecretArn"]) == ("eu-west-1", "arn:aws:secret")
    assert capsys.readouterr().err.count("has the wrong format") == 2


@pytest.mark.parametrize(("variables", "missing"), [({}, "no region"), ({"AWS_REGION": "eu-west-1"}, "TokenIssuer")])
def test_missing_value_fails_in_a_pipeline(variables: dict[str, str], missing: str, samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match=missing) as refusal:
        complete(samconfig, "dev", variables=variables)
    assert "\n" not in str(refusal.value)
    assert samconfig.read_text() == SAMCONFIG


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_other_region_in_the_environment_is_refused(variable: str, samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match=f"sa-east-1.*{variable} is us-east-1"):
        find("prod", samconfig=samconfig, variables={variable: "us-east-1"})
    assert find("prod", samconfig=samconfig, variables={variable: "sa-east-1"}).region == "sa-east-1"


def test_two_regions_in_the_environment_are_refused(samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match="two regions: eu-west-1, us-east-1"):
        complete(samconfig, "dev", variables={"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "eu-west-1"})


def test_unknown_environment_is_refused(samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match="ENV is dev, staging or prod"):
        find("production", samconfig=samconfig)


def test_first_deployment_records_the_given_architecture(samconfig: Path) -> None:
    deployment, _ = complete(samconfig, "dev", ANSWERS, architecture="x86_64")
    assert resolved_parameters(TEMPLATE, deployment.parameters)["Architecture"] == "x86_64"
    again, _ = complete(samconfig, "dev", architecture="x86_64")
    assert again == deployment
    with pytest.raises(DeploymentError, match="dev has Architecture=x86_64"):
        complete(samconfig, "dev", architecture="arm64")


def test_other_architecture_than_deployed_is_refused(samconfig: Path) -> None:
    with pytest.raises(DeploymentError, match="prod has Architecture=arm64"):
        complete(samconfig, "prod", architecture="x86_64")
    assert samconfig.read_text() == SAMCONFIG


def test_overrides_of_a_guided_deployment_are_kept(samconfig: Path) -> None:
    samconfig.write_text(
        SAMCONFIG.replace('["Stage=staging"]', '"Stage=\\"staging\\" CorsOrigin=\\"https://crm.example\\""')
    )
    complete(samconfig, "staging", ANSWERS)
    again, questions = complete(samconfig, "staging", {})
    assert questions == []
    assert (again.parameters["CorsOrigin"], again.parameters["TokenAudience"]) == ("https://crm.example", "crm")


def test_default_architecture_is_not_recorded(samconfig: Path) -> None:
    complete(samconfig, "prod", architecture="arm64")
    assert samconfig.read_text() == SAMCONFIG


class CloudFormation:
    """CloudFormation client that returns these statuses of a stack in turn; None means that there is no stack."""

    def __init__(self, *statuses: str | None) -> None:
        self._statuses = list(statuses)

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:  # noqa: N803 (boto3's name)
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if status is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": StackName}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": status}]}


PARAMETERS = {**resolved_parameters(TEMPLATE, {}), "DashboardUrl": "https://crm.example/a'b?c=d&e", "CorsOrigin": ""}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text("{}")
    return tmp_path


def run_deploy(
    monkeypatch: pytest.MonkeyPatch, built: Path, *statuses: str | None, role_arn: str = "", in_pipeline: bool = False
) -> list[tuple[list[str], bool]]:
    """Return each command of a deployment to a stack of these statuses, with True if its release protects the data."""
    commands: list[tuple[list[str], bool]] = []
    protections: list[bool] = []
    cloudformation = CloudFormation(*statuses)

    def write_release(_built: Path, parameters: Mapping[str, str], *, protects_data: bool) -> Path:
        assert parameters == PARAMETERS
        protections.append(protects_data)
        return built / "release.yaml"

    def run(arguments: Sequence[str], _variables: Mapping[str, str]) -> None:
        commands.append((list(arguments), protections[-1]))

    def client(_deployment: Deployment, _service: str) -> CloudFormation:
        return cloudformation

    monkeypatch.setenv("CI", "true" if in_pipeline else "")
    monkeypatch.setattr(Deployment, "client", client)
    monkeypatch.setattr(command, "write_release", write_release)
    deployment = Deployment("prod", "nexus-ai-prod", "sa-east-1", {})
    deploy(deployment, PARAMETERS, run, is_first=not exists(deployment), role_arn=role_arn, built=built)
    return commands


def test_every_parameter_is_passed_unchanged(monkeypatch: pytest.MonkeyPatch, built: Path) -> None:
    ((arguments, protects),) = run_deploy(monkeypatch, built, "UPDATE_COMPLETE")

    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert (options["--config-env"], options["--region"]) == ("prod", "sa-east-1")
    passed = yaml.safe_load(Path(options["--parameter-overrides"].removeprefix("file://")).read_text())
    assert passed == PARAMETERS
    assert protects


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS"])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_first_deployment_protects_data_in_a_second_step(
    in_pipeline: bool, status: str | None, monkeypatch: pytest.MonkeyPatch, built: Path
) -> None:
    role = "arn:aws:iam::123456789012:role/x"
    commands = run_deploy(monkeypatch, built, status, "CREATE_COMPLETE", role_arn=role, in_pipeline=in_pipeline)

    assert [protects for _, protects in commands] == [False, True]
    assert ["--no-confirm-changeset" in arguments for arguments, _ in commands] == [in_pipeline, True]
    assert all("--role-arn" in arguments for arguments, _ in commands)


def test_declined_first_change_set_deploys_nothing(monkeypatch: pytest.MonkeyPatch, built: Path) -> None:
    with pytest.raises(DeploymentError, match="nothing was deployed"):
        run_deploy(monkeypatch, built, None, "REVIEW_IN_PROGRESS")


def test_deployment_without_preparation_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="run make prepare"):
        run_deploy(monkeypatch, tmp_path, "UPDATE_COMPLETE")


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"])
def test_failed_first_deployment_is_named_with_a_remedy(
    status: str, monkeypatch: pytest.MonkeyPatch, built: Path
) -> None:
    way_out = r"delete-stack --region sa-east-1 --stack-name nexus-ai-prod"
    with pytest.raises(DeploymentError, match=way_out):
        run_deploy(monkeypatch, built, status)


def test_stack_in_progress_is_left_alone(monkeypatch: pytest.MonkeyPatch, built: Path) -> None:
    with pytest.raises(DeploymentError, match="CREATE_IN_PROGRESS: wait"):
        run_deploy(monkeypatch, built, "CREATE_IN_PROGRESS")


def run_deploy_program() -> None:
    command.main(["--env", "prod"])


def run_site() -> None:
    site.main(["--env", "prod", "--folder", str(ROOT / "frontend")])


def run_ceiling() -> None:
    ceiling.main(["--env", "prod", "--tenant", "acme"])


def run_smoke() -> None:
    sys.exit(smoke.main(["--env", "prod"]))


@pytest.mark.parametrize(
    ("program", "name"),
    [(run_deploy_program, "deploy"), (run_site, "site"), (run_ceiling, "ceiling"), (run_smoke, "smoke")],
)
def test_every_command_refuses_another_region_in_one_line(
    program: Callable[[], None],
    name: str,
    samconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    token = jwt.encode({"exp": int(time.time()) + 3600}, "a" * 32)
    for variable, value in {
        "AWS_REGION": "us-east-1",
        "NEXUS_TOKEN": token,
        "SMOKE_PROVIDER": "openai",
        "SMOKE_PROVIDER_KEY": "sk-test",
    }.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(deployments, "SAMCONFIG", samconfig)

    with pytest.raises(SystemExit) as exited:
        program()

    assert exited.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        f"make {name}: prod is deployed in sa-east-1 (samconfig.toml), but AWS_REGION is us-east-1"
    ]


def test_client_has_the_region_of_the_deployment(samconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = find("prod", samconfig=samconfig, variables={}).client("cloudformation")
    assert client.meta.region_name == "sa-east-1"


def test_interruption_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), one_line_errors("make deploy"):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "make deploy: interrupted\n"


def test_aws_error_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), one_line_errors("make site"):
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "secret words"}}, "DescribeStacks")
    assert capsys.readouterr().err == "make site: AWS refused DescribeStacks: ExpiredToken\n"
