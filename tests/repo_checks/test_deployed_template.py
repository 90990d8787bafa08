"""Test that an auditor would refuse nothing in the transformed template, including what SAM adds."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from tests.repo_checks.deployed import Deployed, findings, of_kind, transformed


@cache
def deployed() -> Deployed:
    return transformed()


def statement(template: Deployed, function: str) -> dict[str, Any]:
    """Return the first statement of a function's own policy."""
    document: dict[str, list[dict[str, Any]]] = of_kind(template, "AWS::IAM::Role")[f"{function}Role"]["Policies"][-1][
        "PolicyDocument"
    ]
    return document["Statement"][0]


def allow_on_audit_logs(template: Deployed, function: str, action: str, **more: Any) -> None:
    statement(template, function).update(
        Action=[f"dynamodb:{action}"], Resource={"Fn::GetAtt": ["AuditLogsTable", "Arn"]}, **more
    )


def partitions(operator: str, pattern: str) -> dict[str, Any]:
    return {operator: {"dynamodb:LeadingKeys": [pattern]}, "Null": {"dynamodb:LeadingKeys": "false"}}


def first_of(template: Deployed, kind: str) -> dict[str, Any]:
    return next(iter(of_kind(template, kind).values()))


def operation(template: Deployed, path: str) -> dict[str, Any]:
    method: dict[str, Any] = first_of(template, "AWS::ApiGateway::RestApi")["Body"]["paths"][path]["get"]
    return method


def table(template: Deployed) -> dict[str, Any]:
    return of_kind(template, "AWS::DynamoDB::Table")["UsageTable"]


def function(template: Deployed, name: str) -> dict[str, Any]:
    return of_kind(template, "AWS::Lambda::Function")[name]


def test_deployed_template_has_no_findings() -> None:
    assert findings(deployed()) == []


FAULTS: list[tuple[Callable[[Deployed], object], str]] = [
    (lambda d: statement(d, "UsageStatsFunction").update(Action=["dynamodb:*"]), "the action dynamodb:*"),
    (lambda d: statement(d, "UsageStatsFunction").update(Action="*"), "the action *"),
    (lambda d: statement(d, "UsageStatsFunction").update(Resource="*"), "the resource *"),
    (
        lambda d: statement(d, "UsageStatsFunction").update(Resource={"Fn::Sub": "${UsageTable.Arn}/index/*"}),
        "the resource {'Fn::Sub': '${UsageTable.Arn}/index/*'}",
    ),
    (lambda d: statement(d, "UsageStatsFunction").update(NotAction=["iam:PassRole"]), "allows all but something"),
    (
        lambda d: first_of(d, "AWS::IAM::Role")["ManagedPolicyArns"].append("arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "the policy arn:aws:iam::aws:policy/ReadOnlyAccess",
    ),
    (
        lambda d: allow_on_audit_logs(d, "GenerateCopyFunction", "BatchWriteItem"),
        "may delete content: dynamodb:BatchWriteItem",
    ),
    (lambda d: allow_on_audit_logs(d, "MaintainFunction", "DeleteItem"), "may delete content: dynamodb:DeleteItem"),
    (
        lambda d: allow_on_audit_logs(d, "TranslateFunction", "PartiQLDelete"),
        "may delete content: dynamodb:PartiQLDelete",
    ),
    (lambda d: allow_on_audit_logs(d, "UsageStatsFunction", "PutItem"), "may overwrite content: dynamodb:PutItem"),
    (
        lambda d: allow_on_audit_logs(
            d, "UsageStatsFunction", "UpdateItem", Condition=partitions("ForAllValues:StringLike", "*")
        ),
        "may overwrite content: dynamodb:UpdateItem",
    ),
    (
        lambda d: statement(d, "TranslateFunction").update(
            Action=["s3:DeleteObject"], Resource={"Fn::Sub": "${ContentBucket.Arn}/*"}
        ),
        "may delete content: s3:DeleteObject",
    ),
    (
        lambda d: statement(d, "TranslateFunction").update(
            Action=["s3:PutObject"], Resource={"Fn::Sub": "${ContentBucket.Arn}/*"}
        ),
        "may overwrite content: s3:PutObject",
    ),
    (lambda d: table(d).pop("PointInTimeRecoverySpecification"), "no point-in-time recovery"),
    (lambda d: table(d).update(SSESpecification={"SSEEnabled": True}), "not encrypted with the data key"),
    (lambda d: table(d).pop("DeletionProtectionEnabled"), "no deletion protection"),
    (lambda d: table(d).pop("TimeToLiveSpecification"), "no TTL"),
    (lambda d: first_of(d, "AWS::Logs::LogGroup").pop("RetentionInDays"), "no retention"),
    (lambda d: function(d, "HealthFunction").pop("LoggingConfig"), "logs to a group that is not the stack's"),
    (
        lambda d: function(d, "HealthFunction")["LoggingConfig"].pop("ApplicationLogLevel"),
        "Lambda filters at another level than LOG_LEVEL",
    ),
    (lambda d: function(d, "HealthFunction").pop("Timeout"), "no timeout"),
    (lambda d: function(d, "HealthFunction").update(Timeout=30), "runs longer than API Gateway waits"),
    (lambda d: function(d, "TranslateFunction").update(Timeout=30), "runs longer than API Gateway waits"),
    (
        lambda d: d["Resources"].pop("MaintainFunctionEventInvokeConfig"),
        "calls MaintainFunction, whose failures go nowhere",
    ),
    (
        lambda d: d["Resources"].pop("RunAuditJobFunctionEventInvokeConfig"),
        "calls RunAuditJobFunction, whose failures go nowhere",
    ),
    (lambda d: first_of(d, "AWS::Scheduler::Schedule")["Target"].pop("DeadLetterConfig"), "no dead-letter queue"),
    (lambda d: first_of(d, "AWS::SNS::Subscription").pop("RedrivePolicy"), "no dead-letter queue"),
    (lambda d: operation(d, "/api/marketing/ai/configs").pop("security"), "GET /api/marketing/ai/configs: public"),
    (
        lambda d: operation(d, "/api/marketing/ai/configs").update(security=[{"NONE": []}]),
        "GET /api/marketing/ai/configs: public",
    ),
]


@pytest.mark.parametrize(("fault", "finding"), FAULTS)
def test_each_fault_is_found(fault: Callable[[Deployed], object], finding: str) -> None:
    template = deepcopy(deployed())
    fault(template)

    found = findings(template)

    assert found
    assert all(each.endswith(finding) for each in found)


TASKS = ["AnalyzeSentiment", "GenerateCopy", "GenerateSummary", "Translate"]


def test_only_tasks_have_snapstart_and_reserved_concurrency() -> None:
    snapshots = {"ApplyOn": {"Fn::If": ["HasSnapStart", "PublishedVersions", "None"]}}
    functions = of_kind(deployed(), "AWS::Lambda::Function")
    for property_name in ("SnapStart", "ReservedConcurrentExecutions"):
        assert sorted(name for name, each in functions.items() if property_name in each) == [
            f"{task}Function" for task in TASKS
        ]
    assert all(functions[f"{task}Function"]["SnapStart"] == snapshots for task in TASKS)
    defaults = {name: each.get("Default") for name, each in deployed()["Parameters"].items()}
    assert (defaults["SnapStart"], defaults["ReservedConcurrency"]) == ("off", -1)
