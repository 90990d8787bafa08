"""What CloudFormation is given: template.yaml through SAM's transform, and what an auditor would refuse in it."""

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
# Everything that there is only where it is asked for.
OPTIONAL = {
    "SignInPrefix": "crm-example",
    "SignInCallbackUrl": "https://crm.example/signed-in",
    "DomainName": "ai.crm.example",
    "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    "HostedZoneId": "Z0123456789ABCDEFGHIJ",
    "RequestsPerAddress": "2000",
    "Site": "on",
}
# API Gateway's own limit of waiting.
GATEWAY_S = 29
# What SAM gives each function's role: writing logs and traces, of which no action takes a narrower resource.
MANAGED = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
# What SAM gives the role that moves calls to a new version: aliases and alarms, of AWS's own choosing.
ROLLS_OUT = ("CodeDeployServiceRole", "service-role/AWSCodeDeployRoleForLambda")
# Objects are named by their tenants, so that a policy cannot name them.
OBJECTS = re.compile(r"\$\{ContentBucket\.Arn\}/(-/[a-z]+(/\*)?|\*)")
PUBLIC = {("/api/health", "get")}
# Who deletes audit content, and who writes it: the calls of models, those that test a connection among them.
ERASES = {"RunAuditJobFunctionRole"}
WRITES_CONTENT = ERASES | {
    f"{name}FunctionRole"
    for name in ("AnalyzeSentiment", "GenerateCopy", "GenerateSummary", "Translate", "PutConfig", "TestConfig")
}
# Those of a batch are puts and deletes alike. A transaction has no action of its own, but those of what is in it.
DELETES = {f"dynamodb:{action}" for action in ("DeleteItem", "BatchWriteItem", "PartiQLDelete", "DeleteTable")}
OVERWRITES = {f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "PartiQLInsert", "PartiQLUpdate")}
CONTENT_KEY = "tenant-1#content"

type Resource = dict[str, Any]
type Deployed = dict[str, Any]


def transformed(path: Path = ROOT / "template.yaml", parameters: Mapping[str, str] = PARAMETERS) -> Deployed:
    """Return the template as CloudFormation gets it, with every code at one place in S3."""
    body = Template(parameters, region=REGION, path=path).body
    for resource in body["Resources"].values():
        for place in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
            resource["Properties"][place] = "s3://artefacts/code"
    return translated(body, parameters)


def translated(body: Resource, parameters: Mapping[str, str]) -> Deployed:
    """Return what SAM's transform makes of a template whose code is in S3."""
    translator: Any = Translator({}, Parser(), boto_session=Session(region_name=REGION))
    return cast("Deployed", translator.translate(body, dict(parameters)))


def of_kind(deployed: Deployed, kind: str) -> dict[str, Resource]:
    """Logical ids and properties."""
    found = deployed["Resources"].items()
    return {name: each.get("Properties", {}) for name, each in found if each["Type"] == kind}


def findings(deployed: Deployed) -> list[str]:
    """Each one names its resource and what is wrong with it."""
    return [f"{name}: {problem}" for rule in RULES for name, problem in rule(deployed)]


def policies(deployed: Deployed) -> Iterator[tuple[str, Resource]]:
    """Each statement of each role, with the role's logical id."""
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
            if policy not in MANAGED and (name, policy) != ROLLS_OUT:
                yield name, f"the policy {arn}"


def _audit_content(deployed: Deployed) -> Iterator[tuple[str, str]]:
    for name, statement in policies(deployed):
        resource, actions = str(statement["Resource"]), set(listed(statement["Action"]))
        if "ContentBucket" in resource and "/-/" not in resource and name not in ERASES:
            yield from ((name, f"may delete content: {action}") for action in actions & {"s3:DeleteObject"})
            if statement.get("Condition", {}).get("Null", {}).get("s3:if-none-match") != "false":
                yield from ((name, f"may overwrite content: {action}") for action in actions & {"s3:PutObject"})
        if "AuditLogsTable" not in resource:
            continue
        if name not in ERASES:
            yield from ((name, f"may delete content: {action}") for action in sorted(actions & DELETES))
        if name not in WRITES_CONTENT and _reaches_content(statement.get("Condition", {})):
            yield from ((name, f"may overwrite content: {action}") for action in sorted(actions & OVERWRITES))


def _reaches_content(condition: Mapping[str, Any]) -> bool:
    """Whether what a condition says of partitions, and that there must be one, lets content's through."""
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
        # A group of Lambda's own making keeps what it is told for ever.
        if function.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref") not in groups:
            yield name, "logs to a group that is not the stack's"
        elif function["LoggingConfig"].get("ApplicationLogLevel") != function["Environment"]["Variables"]["LOG_LEVEL"]:
            yield name, "Lambda filters at another level than LOG_LEVEL"


def _timeouts(deployed: Deployed) -> Iterator[tuple[str, str]]:
    asked_for = set(_routed(deployed).values())
    for name, function in of_kind(deployed, "AWS::Lambda::Function").items():
        seconds = function.get("Timeout")
        if not isinstance(seconds, int):
            yield name, "no timeout"
        elif name in asked_for and seconds > GATEWAY_S:
            yield name, "runs longer than API Gateway waits"


def _dead_letters(deployed: Deployed) -> Iterator[tuple[str, str]]:
    kept = {
        function
        for config in of_kind(deployed, "AWS::Lambda::EventInvokeConfig").values()
        if config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        for function in _named(config["FunctionName"])
    }
    for name, function in _asynchronous(deployed):
        if function not in kept:
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
    """Who calls a function without waiting for it, and which one: API Gateway is the only one that waits."""
    for name, schedule in of_kind(deployed, "AWS::Scheduler::Schedule").items():
        yield from ((name, function) for function in _named(schedule["Target"]["Arn"]))
    for name, subscription in of_kind(deployed, "AWS::SNS::Subscription").items():
        yield from ((name, function) for function in _named(subscription["Endpoint"]))
    for name, statement in policies(deployed):
        if "lambda:InvokeFunction" in listed(statement["Action"]):
            yield from ((name, function) for function in _named(statement["Resource"]))


def _named(reference: Any) -> Iterator[str]:
    """The logical ids that stand in a reference."""
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
    """The function of each route, by itself or by its alias."""
    aliases = of_kind(deployed, "AWS::Lambda::Alias")
    found: dict[tuple[str, str], str] = {}
    for path, method, operation in _routes(deployed):
        uri = operation["x-amazon-apigateway-integration"].get("uri", "")
        for name in _named(uri):
            (found[path, method],) = _named(aliases[name]["FunctionName"]) if name in aliases else (name,)
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
