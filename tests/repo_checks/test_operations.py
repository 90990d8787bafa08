"""Test that alarms and the dashboard use metrics that exist, and that the runbook covers every alarm."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from local.template import ROOT, Template
from nexus_ai.platform.observability import NAMESPACE, SERVICE, Unit
from tests.repo_checks.deployed import PARAMETERS, of_kind, transformed

LAYER = ROOT / "layers" / "common" / "nexus_ai"
RUNBOOK = ROOT / "docs" / "runbook.md"
ENVIRONMENTS = ("dev", "staging", "prod")
DASHBOARD = ROOT / "ops" / "dashboard.yaml"
# Stacks may share an account and a region: no alarm of one may use metrics of another.
STACK_DIMENSIONS = {"service": SERVICE, "stack": {"Ref": "AWS::StackName"}}
# AWS's own metrics that alarms and the dashboard use.
AWS_METRICS = {
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency"},
    "AWS/Lambda": {"Invocations", "Errors", "Duration"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
}


def emitted_metrics() -> set[str]:
    """Return the names of the metrics that the code emits: names given to a pair of a value and a unit."""
    found: set[str] = set()
    for path in LAYER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Dict(keys=names, values=values):
                    found |= {name for key, value in zip(names, values, strict=True) for name in metric(key, value)}
                case ast.Assign(targets=[ast.Subscript(slice=key)], value=value):
                    found |= set(metric(key, value))
                case _:
                    continue
    return found


def metric(key: ast.expr | None, value: ast.expr) -> Iterator[str]:
    """Yield the name of a metric if the value is a pair whose second member is a unit of CloudWatch."""
    match key, value:
        case ast.Constant(value=str(name)), ast.Tuple(elts=[_, ast.Attribute(value=ast.Name(id="Unit"), attr=unit)]):
            if unit in Unit.__members__:
                yield name
        case _:
            return


def alarms() -> dict[str, dict[str, Any]]:
    return of_kind(transformed(), "AWS::CloudWatch::Alarm")


def metrics_of_alarms() -> Iterator[tuple[str, str]]:
    """Yield namespace and name of each metric that an alarm uses."""
    for alarm in alarms().values():
        stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
        for metric in stats or [alarm]:
            yield metric["Namespace"], metric["MetricName"]
            if metric["Namespace"] == NAMESPACE:
                dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
                assert dimensions.items() >= STACK_DIMENSIONS.items()


def metrics_of_the_dashboard() -> Iterator[tuple[str, str]]:
    """Yield namespace and name of each metric that the dashboard shows."""
    body = Template({**PARAMETERS, "Name": "n", "Maintain": "m", "DeadLetters": "q"}, region="r", path=DASHBOARD).body
    text = body["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    for widget in json.loads(text if isinstance(text, str) else text["Fn::Sub"])["widgets"]:
        namespace = name = ""
        for metric in widget["properties"]["metrics"]:
            if isinstance(metric[0], dict):
                assert "ProviderErrorsByKind" in metric[0]["expression"]
                assert 'stack="${Name}"' in metric[0]["expression"]
                continue
            if metric[0] != "...":
                namespace, name = (namespace if metric[0] == "." else metric[0]), metric[1]
            if metric[0] == NAMESPACE:
                assert metric[2:6] == ["service", SERVICE, "stack", "${Name}"]
            yield namespace, name


def test_alarms_and_dashboard_use_emitted_metrics() -> None:
    known = {**AWS_METRICS, NAMESPACE: emitted_metrics()}
    used = {*metrics_of_alarms(), *metrics_of_the_dashboard()}
    assert {"Requests", "Failures", "Latency", "AlertsNotSent", "RollUpsCorrected"} <= known[NAMESPACE]
    assert [(namespace, name) for namespace, name in used if name not in known[namespace]] == []
    assert known[NAMESPACE] - {name for namespace, name in used if namespace == NAMESPACE} == {
        # Only expressions use these: sums of the errors, and the base of their share.
        "ProviderCalls",
        "ProviderErrorsByKind",
    }


def test_each_alarm_has_its_entry_in_the_runbook() -> None:
    entries = re.findall(r"^## (\w+Alarm)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(entries) == sorted(alarms())
    for name, alarm in alarms().items():
        assert alarm["AlarmDescription"].endswith(f"(docs/runbook.md, {name}).")
        assert alarm["TreatMissingData"] in {"notBreaching", "breaching"}
        assert alarm["AlarmActions"]


def test_commands_of_runbook_and_guide_name_what_is_deployed() -> None:
    stacks = {f"nexus-ai-{name}" for name in ENVIRONMENTS}
    resources = transformed()["Resources"]
    runbook, guide = (path.read_text(encoding="utf-8") for path in (RUNBOOK, ROOT / "docs" / "deployment.md"))
    resource_names = re.findall(r"\$\(physical (\w+)\)", runbook)
    assert {"MaintainFunction", "DeadLetters"} <= set(resource_names) <= resources.keys()
    stack_names = re.findall(r"--stack-name ([\w-]+)", runbook + guide)
    assert len(stack_names) >= 2
    assert set(stack_names) - {"nexus-ai-github-prod"} <= stacks
    assert set(re.findall(r"\bENV=(\w+)", runbook + guide)) <= set(ENVIRONMENTS)


def test_each_environment_has_its_stack_and_valid_parameters() -> None:
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    parameters = transformed()["Parameters"]
    for name in ENVIRONMENTS:
        deployed = configured[name]["deploy"]["parameters"]
        assert deployed["stack_name"] == f"nexus-ai-{name}"
        overrides = dict(each.split("=", 1) for each in deployed["parameter_overrides"])
        assert overrides["Stage"] == name
        for parameter, value in overrides.items():
            declared = parameters[parameter]
            assert str(value) in [str(allowed) for allowed in declared.get("AllowedValues", [value])]
            assert re.fullmatch(declared.get("AllowedPattern", ".*"), value)


def test_every_parameter_has_a_description_and_allowed_values() -> None:
    for name, parameter in transformed()["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys(), name
