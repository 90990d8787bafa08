"""Transform template.yaml as SAM does for CloudFormation, and find what an auditor would refuse in it."""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, cast

from boto3 import Session
from samtranslator.parser.parser import Parser  # pyright: ignore[reportMissingTypeStubs]
from samtranslator.translator.translator import Translator  # pyright: ignore[reportMissingTypeStubs]

from local.template import ROOT, Template

REGION = "us-east-1"
PARAMETERS = {
    "TokenIssuer": "https://issuer.example",
    "TokenAudience": "nexus-ai",
    "TokenJwksUrl": "https://issuer.example/keys",
}
# Parameters that switch on every optional part.
OPTIONAL = {
    "SignInPrefix": "crm-example",
    "SignInCallbackUrl": "https://crm.example/signed-in",
    "DomainName": "ai.crm.example",
    "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    "HostedZoneId": "Z0123456789ABCDEFGHIJ",
    "RequestsPerAddress": "2000",
    "Site": "on",
}
# API Gateway waits no longer than this.
GATEWAY_S = 29
# SAM's policies of a function's role for logs and traces; their actions accept no narrower resource.
MANAGED = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
# SAM's policy of the role that shifts traffic to a new version; AWS chooses its aliases and alarms.
ROLLOUT_POLICY = ("CodeDeployServiceRole", "service-role/AWSCodeDeployRoleForLambda")
# Objects are named by tenant, so a policy cannot name them.
OBJECTS = re.compile(r"\$\{ContentBucket\.Arn\}/(-/[a-z]+(/\*)?|\*)")
PUBLIC = {("/api/health", "get")}
# Roles that delete audit content, and roles that write it: calls of models and connection tests.
ERASING_ROLES = {"RunAuditJobFunctionRole"}
CONTENT_WRITING_ROLES = ERASING_ROLES | {
    f"{name}FunctionRole"
    for name in ("AnalyzeSentiment", "GenerateCopy", "GenerateSummary", "Translate", "PutConfig", "TestConfig")
}
# A batch may put or delete. A transaction needs the actions of its items only.
DELETES = {f"dynamodb:{action}" for action in ("DeleteItem", "BatchWriteItem", "PartiQLDelete", "DeleteTable")}
OVERWRITES = {f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "PartiQLInsert", "PartiQLUpdate")}
CONTENT_KEY = "tenant-1#content"

type Resource = dict[str, Any]
type Deployed = dict[str, Any]


def transformed(path: Path = ROOT / "template.yaml", parameters: Mapping[str, str] = PARAMETERS) -> Deployed:
    """Return the template as CloudFormation gets it, with all code at one place in S3."""
    body = Template(parameters, region=REGION, path=path).body
    for resource in body["Resources"].values():
        for place in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
            resource["Properties"][place] = "s3://artefacts/code"
    return translated(body, parameters)


def translated(body: Resource, parameters: Mapping[str, str]) -> Deployed:
    """Return the result of SAM's transform of a template whose code is in S3."""
    translator: Any = Translator({}, Parser(), boto_session=Session(region_name=REGION))
    return cast("Deployed", translator.translate(body, dict(parameters)))


def of_kind(deployed: Deployed, kind: str) -> dict[str, Resource]:
    """Return properties by logical id."""
    found = deployed["Resources"].items()
    return {name: each.get("Properties", {}) for name, each in found if each["Type"] == kind}


def findings(deployed: Deployed) -> list[str]:
    """Return the findings; each names its resource and the fault."""
    return [f"{name}: {problem}" for rule in RULES for name, problem in rule(deployed)]


def policies(deployed: Deployed) -> Iterator[tuple[str, Resource]]:
    """Yield each statement of each role with the role's logical id."""
    for name, role in of_kind(deployed, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])
    for policy in of_kind(deployed, "AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            yield from ((role["Ref"], statement) for statement in policy["PolicyDocument"]["Statement"])


def listed(value: Any) -> list[Any]:
    return [*value] if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]


def _wildcards(deployed: Deployed) -> Iterator[tuple[str, str]]:
    for name, statement in policies(deployed):
        if "NotAction" in statement or "NotResource" in statement:
            yield name, "allows all but something"
        for action in listed(statement.get("Action", [])):
            if "*" in action:
                yield name, f"the action {action}"
        for resource in listed(statement.get("Resource", [])):
            match resource:
                case {"Fn::Sub": str(text)} if OBJECTS.fullmatch(text):
                    continue
                case _ if "*" in str(resource):
                    yield name, f"the resource {resource}"
                case _:
                    continue


def _managed_policies(deployed: Deployed) -> Iterator[tuple[str, str]]:
    for name, role in of_kind(deployed, "AWS::IAM::Role").items():
        for arn in role.get("ManagedPolicyArns", []):
            policy = str(arn).partition(":policy/")[2]
            if policy not in MANAGED and (name, policy) != ROLLOUT_POLICY:
                yield name, f"the policy {arn}"


def _audit_content(deployed: Deployed) -> Iterator[tuple[str, str]]:
    for name, statement in policies(deployed):
        resource, actions = str(statement["Resource"]), set(listed(statement["Action"]))
        if "ContentBucket" in resource and "/-/" not in resource and name not in ERASING_ROLES:
            yield from ((name, f"may delete content: {action}") for action in actions & {"s3:DeleteObject"})
            if statement.get("Condition", {}).get("Null", {}).get("s3:if-none-match") != "false":
                yield from ((name, f"may overwrite content: {action}") for action in actions & {"s3:PutObject"})
        if "AuditLogsTable" not in resource:
            continue
        if name not in ERASING_ROLES:
            yield from ((name, f"may delete content: {action}") for action in sorted(actions & DELETES))
        if name not in CONTENT_WRITING_ROLES and _reaches_content(statement.get("Condition", {})):
            yield from ((name, f"may overwrite content: {action}") for action in sorted(actions & OVERWRITES))


def _reaches_content(condition: Mapping[str, Any]) -> bool:
    """Return True if a condition lets the content partitions through.

    The condition must require a partition key, or it lets everything through.
    """
    key = "dynamodb:LeadingKeys"
    if condition.get("Null", {}).get(key) != "false":
        return True
    like: list[str] = condition.get("ForAllValues:StringLike", {}).get(key, ["*"])
    unlike: list[str] = condition.get("ForAllValues:StringNotLike", {}).get(key, [])
    matches = partial(fnmatchcase, CONTENT_KEY)
    return any(map(matches, like)) and not any(map(matches, unlike))


def _tables(deployed: Deployed) -> Iterator[tuple[str, str]]:
    for name, table in of_kind(deployed, "AWS::DynamoDB::Table").items():
        if not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            yield name, "no point-in-time recovery"
        if table.get("SSESpecification", {}).get("KMSMasterKeyId") != {"Ref": "DataKey"}:
            yield name, "not encrypted with the data key"
        if table.get("DeletionProtectionEnabled") is not True:
            yield name, "no deletion protection"
        if not table.get("TimeToLiveSpecification", {}).get("Enabled"):
            yield name, "no TTL"


def _logs(deployed: Deployed) -> Iterator[tuple[str, str]]:
    groups = of_kind(deployed, "AWS::Logs::LogGroup")
    for name, group in groups.items():
        if not group.get("RetentionInDays"):
            yield name, "no retention"
    for name, function in of_kind(deployed, "AWS::Lambda::Function").items():
        # Lambda's own log group keeps its lines forever.
        if function.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref") not in groups:
            yield name, "logs to a group that is not the stack's"
        elif function["LoggingConfig"].get("ApplicationLogLevel") != function["Environment"]["Variables"]["LOG_LEVEL"]:
            yield name, "Lambda filters at another level than LOG_LEVEL"


def _timeouts(deployed: Deployed) -> Iterator[tuple[str, str]]:
    functions_of_routes = set(_routed(deployed).values())
    for name, function in of_kind(deployed, "AWS::Lambda::Function").items():
        seconds = function.get("Timeout")
        if not isinstance(seconds, int):
            yield name, "no timeout"
        elif name in functions_of_routes and seconds > GATEWAY_S:
            yield name, "runs longer than API Gateway waits"


def _dead_letters(deployed: Deployed) -> Iterator[tuple[str, str]]:
    with_failure_destination = {
        function
        for config in of_kind(deployed, "AWS::Lambda::EventInvokeConfig").values()
        if config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        for function in _logical_ids(config["FunctionName"])
    }
    for name, function in _asynchronous(deployed):
        if function not in with_failure_destination:
            yield name, f"calls {function}, whose failures go nowhere"
    for name, schedule in of_kind(deployed, "AWS::Scheduler::Schedule").items():
        if "DeadLetterConfig" not in schedule["Target"]:
            yield name, "no dead-letter queue"
    for name, subscription in of_kind(deployed, "AWS::SNS::Subscription").items():
        if "RedrivePolicy" not in subscription:
            yield name, "no dead-letter queue"
    for kind in ("AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"):
        yield from ((name, "a source that this test does not know") for name in of_kind(deployed, kind))


def _asynchronous(deployed: Deployed) -> Iterator[tuple[str, str]]:
    """Yield each asynchronous caller and its function; only API Gateway waits for a response."""
    for name, schedule in of_kind(deployed, "AWS::Scheduler::Schedule").items():
        yield from ((name, function) for function in _logical_ids(schedule["Target"]["Arn"]))
    for name, subscription in of_kind(deployed, "AWS::SNS::Subscription").items():
        yield from ((name, function) for function in _logical_ids(subscription["Endpoint"]))
    for name, statement in policies(deployed):
        if "lambda:InvokeFunction" in listed(statement["Action"]):
            yield from ((name, function) for function in _logical_ids(statement["Resource"]))


def _logical_ids(reference: Any) -> Iterator[str]:
    """Yield the logical ids in a reference."""
    match reference:
        case {"Ref": name}:
            yield name
        case {"Fn::GetAtt": [name, *_]}:
            yield name
        case _:
            for name in re.findall(r"\$\{(?!AWS::)(\w+)(?:\.Arn)?\}", str(reference)):
                yield str(name)


def _routes(deployed: Deployed) -> Iterator[tuple[str, str, Resource]]:
    for api in of_kind(deployed, "AWS::ApiGateway::RestApi").values():
        for path, methods in api["Body"]["paths"].items():
            yield from ((path, method, operation) for method, operation in methods.items())


def _routed(deployed: Deployed) -> dict[tuple[str, str], str]:
    """Return the function of each route, called directly or by its alias."""
    aliases = of_kind(deployed, "AWS::Lambda::Alias")
    found: dict[tuple[str, str], str] = {}
    for path, method, operation in _routes(deployed):
        uri = operation["x-amazon-apigateway-integration"].get("uri", "")
        for name in _logical_ids(uri):
            (found[path, method],) = _logical_ids(aliases[name]["FunctionName"]) if name in aliases else (name,)
    return found


def _public_routes(deployed: Deployed) -> Iterator[tuple[str, str]]:
    for path, method, operation in _routes(deployed):
        if method == "options" or (path, method) in PUBLIC:
            continue
        if operation.get("security") != [{"TokenAuthorizer": []}]:
            yield f"{method.upper()} {path}", "public"


RULES: list[Callable[[Deployed], Iterator[tuple[str, str]]]] = [
    _wildcards, _managed_policies, _audit_content, _tables, _logs, _timeouts, _dead_letters, _public_routes,
]  # fmt: skip
