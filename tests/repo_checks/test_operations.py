"""Alarms and the dashboard look at what is told, and whoever is woken finds what to do."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from local.template import ROOT, Template
from nexus_ai.platform.observability import NAMESPACE, SERVICE
from tests.repo_checks.deployed import PARAMETERS, of_kind, transformed

LAYER = ROOT / "layers" / "common" / "nexus_ai"
RUNBOOK = ROOT / "docs" / "runbook.md"
ENVIRONMENTS = ("dev", "staging", "prod")
DASHBOARD = ROOT / "ops" / "dashboard.yaml"
# Stacks may share an account and a region, and no alarm of one may ring because of another.
OF_THE_STACK = {"service": SERVICE, "stack": {"Ref": "AWS::StackName"}}
# What AWS tells of itself, of what is looked at here.
OF_AWS = {
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency"},
    "AWS/Lambda": {"Invocations", "Errors", "Duration"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
}


def told() -> set[str]:
    """The names under which the code tells metrics."""
    sources = "".join(path.read_text(encoding="utf-8") for path in LAYER.rglob("*.py"))
    return set(re.findall(r'"([A-Z][A-Za-z]+)"(?:: |\] = )\([^\n]+, Unit\.[A-Z]+\)', sources))


def alarms() -> dict[str, dict[str, Any]]:
    return of_kind(transformed(), "AWS::CloudWatch::Alarm")


def watched() -> Iterator[tuple[str, str]]:
    """Namespace and name of each metric that an alarm looks at."""
    for alarm in alarms().values():
        stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
        for metric in stats or [alarm]:
            yield metric["Namespace"], metric["MetricName"]
            if metric["Namespace"] == NAMESPACE:
                dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
                assert dimensions.items() >= OF_THE_STACK.items()


def shown() -> Iterator[tuple[str, str]]:
    """Namespace and name of each metric that the dashboard shows."""
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


def test_whatever_an_alarm_or_the_dashboard_looks_at_is_told() -> None:
    known = {**OF_AWS, NAMESPACE: told()}
    looked_at = {*watched(), *shown()}
    assert {"Requests", "Failures", "Latency", "AlertsNotSent", "RollUpsCorrected"} <= known[NAMESPACE]
    assert [(namespace, name) for namespace, name in looked_at if name not in known[namespace]] == []
    assert known[NAMESPACE] - {name for namespace, name in looked_at if namespace == NAMESPACE} == {
        # Sums of the errors that are shown as a share, and the share's own base.
        "ProviderCalls",
        "ProviderErrorsByKind",
    }


def test_each_alarm_has_its_entry_in_the_runbook_and_says_so() -> None:
    entries = re.findall(r"^## (\w+Alarm)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(entries) == sorted(alarms())
    for name, alarm in alarms().items():
        assert alarm["AlarmDescription"].endswith(f"(docs/runbook.md, {name}).")
        assert alarm["TreatMissingData"] in {"notBreaching", "breaching"}
        assert alarm["AlarmActions"]


def test_the_commands_of_the_runbook_and_the_guide_name_what_is_deployed() -> None:
    stacks = {f"nexus-ai-{name}" for name in ENVIRONMENTS}
    resources = transformed()["Resources"]
    runbook, guide = (path.read_text(encoding="utf-8") for path in (RUNBOOK, ROOT / "docs" / "deployment.md"))
    named = re.findall(r"\$\(physical (\w+)\)", runbook)
    assert {"MaintainFunction", "DeadLetters"} <= set(named) <= resources.keys()
    asked = re.findall(r"--stack-name ([\w-]+)", runbook + guide)
    assert len(asked) >= 2
    assert set(asked) - {"nexus-ai-github-prod"} <= stacks
    assert set(re.findall(r"\bENV=(\w+)", runbook + guide)) <= set(ENVIRONMENTS)


def test_each_environment_is_a_stack_of_its_own_with_parameters_that_there_are() -> None:
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    parameters = transformed()["Parameters"]
    for name in ENVIRONMENTS:
        deployed = configured[name]["deploy"]["parameters"]
        assert deployed["stack_name"] == f"nexus-ai-{name}"
        given = dict(each.split("=", 1) for each in deployed["parameter_overrides"])
        assert given["Stage"] == name
        for parameter, value in given.items():
            described = parameters[parameter]
            assert str(value) in [str(allowed) for allowed in described.get("AllowedValues", [value])]
            assert re.fullmatch(described.get("AllowedPattern", ".*"), value)


def test_every_parameter_says_what_it_is_and_what_it_may_be() -> None:
    for name, parameter in transformed()["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys(), name
