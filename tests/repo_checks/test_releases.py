"""Test that a release updates every alias and the API, that an unchanged tree updates none, and what can stop it."""

import json
import shutil
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.template import ROOT, Template
from ops.deployment import DeploymentError
from ops.release import content_hash, resolved_parameters, stamped, write_release
from tests.repo_checks.deployed import OPTIONAL, PARAMETERS, Deployed, of_kind, transformed, translated

# CloudFormation allows 500.
MAX_RESOURCES = 450
BODY = Template.read(ROOT / "template.yaml")
CALL_MODELS = {"AnalyzeSentiment", "GenerateCopy", "GenerateSummary", "Translate", "PutConfig", "TestConfig"}
CANARIES = {f"{name}Function" for name in CALL_MODELS | {"Authorizer"}}
# Parameters that API Gateway copies into each deployment.
API_PARAMETERS = {"CorsOrigin"}
OTHER_VALUES = {
    "Stage": "other",
    "ReservedConcurrency": "7",
    "CorsOrigin": "https://crm.example",
    "RequestsPerAddress": "2000",
    "DefaultRequestsPerHour": "7",
    "DefaultTokensPerDay": "7",
    "DefaultCostPerMonthUsd": "7",
    "DefaultTimeZone": "America/Manaus",
    "CeilingRequestsPerHour": "7",
    "CeilingTokensPerDay": "7",
    "CeilingCostPerMonthUsd": "7",
    "MaxCallsInFlight": "7",
    "ContentRetentionDays": "7",
    "MetadataRetentionDays": "200",
    "DomainName": "ai.crm.example",
    "HostedZoneId": "Z0123456789",
    "SignInPrefix": "other",
    "SenderAddress": "alerts@crm.example",
    "AlarmAddress": "operator@crm.example",
    "TokenAudience": "other",
    "ClaimTenant": "other",
    "ClaimUser": "other",
    "ClaimRoles": "other",
    "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/other",
    "TokenSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tokens-AbCdEf",
    "SignInCallbackUrl": "https://crm.example/signed-in",
}


def other_value(name: str) -> str:
    """Return a value that is not the parameter's default."""
    declared = BODY["Parameters"][name]
    others = [str(each) for each in declared.get("AllowedValues", []) if each != declared["Default"]]
    return others[0] if others else OTHER_VALUES.get(name, "https://other.example")


def released(parameters: Mapping[str, str] | None = None, *, content: str = "content") -> Deployed:
    """Return the release of template.yaml as CloudFormation gets it.

    Args:
        parameters: Parameters that differ from the defaults.
        content: Hash of the built code.
    """
    values = resolved_parameters(BODY, {**PARAMETERS, **(parameters or {})})
    release = stamped(BODY, values, content)
    for resource in release["Resources"].values():
        for place in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
            resource["Properties"][place] = "s3://artefacts/code"
    return translated(release, values)


@cache
def before() -> Deployed:
    return released()


def versions(deployed: Deployed) -> dict[str, str]:
    """Return the logical id of the version that each function's alias points to."""
    aliases = of_kind(deployed, "AWS::Lambda::Alias").values()
    return {alias["FunctionName"]["Ref"]: alias["FunctionVersion"]["Fn::GetAtt"][0] for alias in aliases}


def api_deployment(deployed: Deployed) -> str:
    (name,) = of_kind(deployed, "AWS::ApiGateway::Deployment")
    return name


def same_versions(deployed: Deployed) -> list[str]:
    return [name for name, version in versions(deployed).items() if versions(before())[name] == version]


def test_unchanged_tree_publishes_nothing() -> None:
    again = released()
    assert versions(again) == versions(before())
    assert api_deployment(again) == api_deployment(before())
    assert set(versions(again)) == CANARIES


@pytest.mark.parametrize("name", sorted(set(BODY["Parameters"]) - {"SignInPrefix"}))
def test_other_parameter_publishes_a_version_for_every_alias(name: str) -> None:
    changed = released({name: other_value(name)})
    assert same_versions(changed) == []
    assert (api_deployment(changed) != api_deployment(before())) == (name in API_PARAMETERS)


def test_user_pool_as_issuer_publishes_a_version_for_every_alias() -> None:
    none = {"TokenIssuer": "", "TokenAudience": "", "TokenJwksUrl": ""}
    changed = released({**none, "SignInPrefix": "crm", "SignInCallbackUrl": "https://crm.example"})
    assert same_versions(changed) == []


def test_other_layer_publishes_versions_without_a_stamp() -> None:
    """Test a deployment by `sam deploy` alone, which detects another layer but no other parameter."""
    body = deepcopy(BODY)
    for resource in body["Resources"].values():
        for place in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
            resource["Properties"][place] = "s3://artefacts/code"
    first = versions(translated(deepcopy(body), PARAMETERS))
    body["Resources"]["CommonLayer"]["Properties"]["ContentUri"] = "s3://artefacts/other"
    assert not set(versions(translated(body, PARAMETERS)).values()) & set(first.values())


def test_preflight_has_the_origin_of_the_parameter() -> None:
    (api,) = of_kind(released({"CorsOrigin": "https://crm.example"}), "AWS::ApiGateway::RestApi").values()
    assert "CorsOrigin" not in json.dumps(api)
    assert "'https://crm.example'" in json.dumps(api)


def test_authorizer_is_called_by_its_alias_with_permission() -> None:
    (api,) = of_kind(before(), "AWS::ApiGateway::RestApi").values()
    (scheme,) = api["Body"]["components"]["securitySchemes"].values()
    assert "AuthorizerFunctionAliaslive" in json.dumps(scheme)
    permissions = of_kind(before(), "AWS::Lambda::Permission").values()
    authorizer_functions = [
        each["FunctionName"] for each in permissions if "authorizers" in json.dumps(each["SourceArn"])
    ]
    assert authorizer_functions == [{"Ref": "AuthorizerFunctionAliaslive"}]


def test_old_versions_are_deleted_with_the_next_deployment() -> None:
    resources = before()["Resources"].values()
    policies = [each["DeletionPolicy"] for each in resources if each["Type"] == "AWS::Lambda::Version"]
    assert policies == ["Delete"] * len(CANARIES)


def test_only_alarms_of_the_new_version_stop_a_deployment() -> None:
    groups = of_kind(before(), "AWS::CodeDeploy::DeploymentGroup")
    assert sorted(groups) == sorted(f"{name}DeploymentGroup" for name in CANARIES)
    alarms = of_kind(before(), "AWS::CloudWatch::Alarm")
    watched: dict[str, set[str]] = {}
    for group in groups.values():
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        for alarm in group["AlarmConfiguration"]["Alarms"]:
            watched[alarm["Name"]["Ref"]] = _functions_by_new_version(alarms[alarm["Name"]["Ref"]], before())
    models = {f"{name}Function" for name in CALL_MODELS}
    assert watched == {"NewVersionCrashesAlarm": CANARIES, "NewVersionErrorsAlarm": models}


def test_alarm_that_stops_a_deployment_is_new_in_each_release() -> None:
    """A changed alarm keeps its state, so that failures of the old version would stop the new one."""

    def names(deployed: Deployed) -> set[str]:
        alarms = of_kind(deployed, "AWS::CloudWatch::Alarm")
        return {
            json.dumps(alarms[name].get("AlarmName")) for name in ("NewVersionCrashesAlarm", "NewVersionErrorsAlarm")
        }

    assert len(names(before())) == 2
    assert names(released()) == names(before())
    assert not names(released(content="other")) & names(before())


def _functions_by_new_version(alarm: Mapping[str, Any], deployed: Deployed) -> set[str]:
    """Return the functions that an alarm watches; each of its metrics must be of the deployed version."""
    functions: set[str] = set()
    for query in alarm["Metrics"]:
        if "MetricStat" not in query:
            continue
        dimensions = {each["Name"]: each["Value"] for each in query["MetricStat"]["Metric"]["Dimensions"]}
        function = (dimensions.get("FunctionName") or dimensions["function"])["Ref"]
        version = dimensions.get("ExecutedVersion") or dimensions["version"]
        assert version == {"Fn::GetAtt": [versions(deployed)[function], "Version"]}
        functions.add(function)
    return functions


def test_stack_has_room_for_more_resources() -> None:
    none = {"TokenIssuer": "", "TokenAudience": "", "TokenJwksUrl": ""}
    everything = {**none, **OPTIONAL, "SenderAddress": "a@crm.example", "AlarmAddress": "b@crm.example"}
    assert len(transformed(parameters=everything)["Resources"]) <= MAX_RESOURCES
    assert len(before()["Resources"]) <= MAX_RESOURCES


def test_unknown_parameter_is_refused() -> None:
    with pytest.raises(DeploymentError, match="no parameter CorsOrigins"):
        resolved_parameters(BODY, {"CorsOrigins": "*"})


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Write what `sam build` writes, with small code and the real templates."""
    template = deepcopy(BODY)
    for name, resource in template["Resources"].items():
        for place in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
            resource["Properties"][place] = name
            (tmp_path / name).mkdir()
            (tmp_path / name / "app.py").write_text(name)
        if resource["Type"] == "AWS::CloudFormation::Stack":
            (tmp_path / name).mkdir()
            shutil.copy(ROOT / resource["Properties"]["TemplateURL"], tmp_path / name / "template.yaml")
            resource["Properties"]["TemplateURL"] = f"{name}/template.yaml"
    (tmp_path / "template.yaml").write_text(json.dumps(template))
    (tmp_path / "CommonLayer" / "native.cpython-313-aarch64-linux-gnu.so").write_bytes(b"\x7fELF")
    return tmp_path


@pytest.mark.parametrize("name", ["CommonLayer", "TranslateFunction", "HealthFunction"])
def test_other_code_publishes_a_version_for_every_alias(name: str, built: Path) -> None:
    template = Template.read(built / "template.yaml")
    first = released(content=content_hash(built, template))
    (built / name / "app.py").write_text("other code")

    changed = released(content=content_hash(built, template))

    assert not set(versions(changed).values()) & set(versions(first).values())
    assert api_deployment(changed) == api_deployment(first)


def test_content_hash_covers_every_file_and_nothing_else(built: Path) -> None:
    def now() -> str:
        return content_hash(built, Template.read(built / "template.yaml"))

    first = now()
    (built / "CommonLayer" / "app.py").touch()
    (built / "release.yaml").write_text("another file of the build")
    assert now() == first
    (built / "CommonLayer" / "app.py").write_text("other code")
    second = now()
    (built / "HealthFunction" / "new.py").write_text("")
    assert len({first, second, now()}) == 3


def test_release_depends_on_build_and_parameters(built: Path) -> None:
    values = resolved_parameters(BODY, PARAMETERS)
    first = write_release(built, values, protects_data=True).read_text()
    again = write_release(built, values, protects_data=True).read_text()
    other = write_release(built, {**values, "LogLevel": "DEBUG"}, protects_data=True).read_text()
    (built / "CommonLayer" / "app.py").write_text("other code")
    assert first == again
    assert len({first, other, write_release(built, values, protects_data=True).read_text()}) == 3


def test_only_the_first_deployment_leaves_data_unprotected(built: Path) -> None:
    values = resolved_parameters(BODY, PARAMETERS)
    for protects in (False, True):
        path = write_release(built, values, protects_data=protects)
        release = Template.read(path)
        tables = of_kind(release, "AWS::DynamoDB::Table").values()
        pool = Template.read(built / release["Resources"]["UserPool"]["Properties"]["TemplateURL"])
        (users,) = of_kind(pool, "AWS::Cognito::UserPool").values()
        assert [table["DeletionProtectionEnabled"] for table in tables] == [protects] * 5
        assert users["DeletionProtection"] == ("ACTIVE" if protects else "INACTIVE")
        policies = [each for each in pool["Resources"].values() if "DeletionPolicy" in each]
        assert {each["DeletionPolicy"] for each in policies} == {"RetainExceptOnCreate" if protects else "Delete"}
        assert {each["Metadata"]["KeepsData"] for each in policies} == {protects}


def test_protection_alone_publishes_nothing(built: Path) -> None:
    values = resolved_parameters(BODY, PARAMETERS)
    stamps = [
        {
            name: function.get("Description")
            for name, function in of_kind(
                Template.read(write_release(built, values, protects_data=protects)), "AWS::Serverless::Function"
            ).items()
        }
        for protects in (False, True)
    ]
    assert stamps[0] == stamps[1]
    assert {name for name, description in stamps[0].items() if description} == CANARIES


def test_stored_data_outlives_all_but_a_failed_first_deployment() -> None:
    paths = [ROOT / "template.yaml", *(ROOT / "ops").glob("*.yaml")]
    policies = [
        each["DeletionPolicy"]
        for path in paths
        for each in Template.read(path)["Resources"].values()
        if "DeletionPolicy" in each
    ]
    assert len(policies) >= 10
    assert set(policies) == {"RetainExceptOnCreate"}


def test_layer_of_another_architecture_is_refused(built: Path) -> None:
    values = resolved_parameters(BODY, {**PARAMETERS, "Architecture": "x86_64"})
    with pytest.raises(DeploymentError, match=r"x86_64.*aarch64"):
        write_release(built, values, protects_data=True)
