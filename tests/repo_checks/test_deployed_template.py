"""The template as CloudFormation gets it, SAM's own additions included, has nothing that an auditor would refuse."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from tests.repo_checks.deployed import Deployed, findings, of_kind, transformed


@cache
def deployed() -> Deployed:
    return transformed()


def statement(changed: Deployed, function: str) -> dict[str, Any]:
    """The first statement of a function's own policy."""
    document: dict[str, list[dict[str, Any]]] = of_kind(changed, "AWS::IAM::Role")[f"{function}Role"]["Policies"][-1][
        "PolicyDocument"
    ]
    return document["Statement"][0]


def on_audit(changed: Deployed, function: str, action: str, **more: Any) -> None:
    statement(changed, function).update(
        Action=[f"dynamodb:{action}"], Resource={"Fn::GetAtt": ["AuditLogsTable", "Arn"]}, **more
    )


def partitions(operator: str, pattern: str) -> dict[str, Any]:
    return {operator: {"dynamodb:LeadingKeys": [pattern]}, "Null": {"dynamodb:LeadingKeys": "false"}}


def only(changed: Deployed, kind: str) -> dict[str, Any]:
    return next(iter(of_kind(changed, kind).values()))


def operation(changed: Deployed, path: str) -> dict[str, Any]:
    found: dict[str, Any] = only(changed, "AWS::ApiGateway::RestApi")["Body"]["paths"][path]["get"]
    return found


def table(changed: Deployed) -> dict[str, Any]:
    return of_kind(changed, "AWS::DynamoDB::Table")["UsageTable"]


def function(changed: Deployed, name: str) -> dict[str, Any]:
    return of_kind(changed, "AWS::Lambda::Function")[name]


def test_nothing_is_found() -> None:
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
        lambda d: only(d, "AWS::IAM::Role")["ManagedPolicyArns"].append("arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "the policy arn:aws:iam::aws:policy/ReadOnlyAccess",
    ),
    (lambda d: on_audit(d, "GenerateCopyFunction", "BatchWriteItem"), "may delete content: dynamodb:BatchWriteItem"),
    (lambda d: on_audit(d, "MaintainFunction", "DeleteItem"), "may delete content: dynamodb:DeleteItem"),
    (lambda d: on_audit(d, "TranslateFunction", "PartiQLDelete"), "may delete content: dynamodb:PartiQLDelete"),
    (lambda d: on_audit(d, "UsageStatsFunction", "PutItem"), "may overwrite content: dynamodb:PutItem"),
    (
        lambda d: on_audit(d, "UsageStatsFunction", "UpdateItem", Condition=partitions("ForAllValues:StringLike", "*")),
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
    (lambda d: only(d, "AWS::Logs::LogGroup").pop("RetentionInDays"), "no retention"),
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
    (lambda d: only(d, "AWS::Scheduler::Schedule")["Target"].pop("DeadLetterConfig"), "no dead-letter queue"),
    (lambda d: only(d, "AWS::SNS::Subscription").pop("RedrivePolicy"), "no dead-letter queue"),
    (lambda d: operation(d, "/api/marketing/ai/configs").pop("security"), "GET /api/marketing/ai/configs: public"),
    (
        lambda d: operation(d, "/api/marketing/ai/configs").update(security=[{"NONE": []}]),
        "GET /api/marketing/ai/configs: public",
    ),
]


@pytest.mark.parametrize(("break_it", "found"), FAULTS)
def test_each_fault_is_found(break_it: Callable[[Deployed], object], found: str) -> None:
    changed = deepcopy(deployed())
    break_it(changed)

    faults = findings(changed)

    assert faults
    assert all(fault.endswith(found) for fault in faults)


TASKS = ["AnalyzeSentiment", "GenerateCopy", "GenerateSummary", "Translate"]


def test_snapshots_and_reserved_concurrency_are_asked_for_and_for_the_tasks_alone() -> None:
    snapshots = {"ApplyOn": {"Fn::If": ["HasSnapStart", "PublishedVersions", "None"]}}
    functions = of_kind(deployed(), "AWS::Lambda::Function")
    for named in ("SnapStart", "ReservedConcurrentExecutions"):
        assert sorted(name for name, each in functions.items() if named in each) == [
            f"{task}Function" for task in TASKS
        ]
    assert all(functions[f"{task}Function"]["SnapStart"] == snapshots for task in TASKS)
    defaults = {name: each.get("Default") for name, each in deployed()["Parameters"].items()}
    assert (defaults["SnapStart"], defaults["ReservedConcurrency"]) == ("off", -1)
