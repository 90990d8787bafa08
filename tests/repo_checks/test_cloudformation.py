"""Test that moto creates a stack from the transformed template, and that a second deployment keeps every table.

moto has no stages, aliases, schedules or SES. `make lint` checks the references to those with cfn-lint. moto has no
outputs of nested stacks either: `test_optional_parts.py` tests those.
"""

import json
from collections.abc import Generator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.apigateway.models import RestAPI, apigateway_backends

from local.template import ROOT
from tests.repo_checks.deployed import PARAMETERS, Deployed, of_kind, transformed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Tried to parse .* not supported by moto:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unable to delete .* never created:UserWarning"),
]

# Another region than that of the embedded AWS, which may run in this process.
REGION = "eu-west-1"
ISSUER = {"TokenIssuer": "https://crm.example", "TokenAudience": "crm"}
BY_SECRET = {**ISSUER, "TokenSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tokens-AbCdEf"}
WITH_MAILS = {**PARAMETERS, "SenderAddress": "avisos@crm.example", "AlarmAddress": "plantao@crm.example"}
CHANGED = {
    **WITH_MAILS,
    "ContentRetentionDays": "30",
    "CorsOrigin": "https://crm.example",
    "DefaultRequestsPerHour": "none",
    "LogRetentionDays": "30",
    "MetadataRetentionDays": "730",
}
# Resources that need an address, as far as moto supports them.
MAILS = {"Alarms", "MailEvents", "MailEventsFunction", "MaintainSendsMail"}
TABLES = ["AuditLogsTable", "CacheTable", "RateLimitsTable", "SettingsTable", "UsageTable"]


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    """Return moto's client; its API Gateway also reads the body of a RestApi, without which nothing can be deployed."""
    make = RestAPI.create_from_cloudformation_json

    def with_body(name: str, resource: dict[str, Any], account_id: str, region_name: str, **options: Any) -> RestAPI:
        api = make(name, resource, account_id, region_name, **options)
        body = resource["Properties"]["Body"]
        # It accepts no integration without a URI, such as that of OPTIONS.
        paths = {
            path: {method: operation for method, operation in methods.items() if method != "options"}
            for path, methods in body["paths"].items()
        }
        apigateway_backends[account_id][region_name].put_rest_api(api.id, {**body, "paths": paths}, False)
        return api

    monkeypatch.setattr(RestAPI, "create_from_cloudformation_json", with_body)
    # The embedded AWS sets the endpoint at which functions run.
    monkeypatch.delenv("AWS_ENDPOINT_URL_LAMBDA", raising=False)
    with mock_aws():
        artefacts: Any = boto3.client("s3", region_name="us-east-1")  # pyright: ignore[reportUnknownMemberType]
        artefacts.create_bucket(Bucket="artefacts")
        artefacts.put_object(Bucket="artefacts", Key="code", Body=b"code")
        for part in (ROOT / "ops").glob("*.yaml"):
            artefacts.put_object(Bucket="artefacts", Key=part.name, Body=part.read_bytes())
        yield boto3.client("cloudformation", region_name=REGION)  # pyright: ignore[reportUnknownMemberType]


def stack_request(name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    template: Deployed = transformed(parameters=parameters)
    for function in of_kind(template, "AWS::Lambda::Function").values():
        # moto fails to update a function that refers to its layer.
        function.pop("Layers")
    for part in of_kind(template, "AWS::CloudFormation::Stack").values():
        # `sam deploy` puts the part there.
        part["TemplateURL"] = part["TemplateURL"].replace("ops/", "https://s3.amazonaws.com/artefacts/")
    aliases = of_kind(template, "AWS::Lambda::Alias")
    for alias in aliases:
        template["Resources"].pop(alias)
    body = json.dumps(template)
    for alias, properties in aliases.items():
        # moto has no aliases: refer to the function instead.
        body = body.replace(alias, properties["FunctionName"]["Ref"])
    return {
        "StackName": name,
        "TemplateBody": body,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }


def resources(cloudformation: Any, name: str) -> dict[str, str]:
    """Return physical ids by logical id, as far as moto supports the resources."""
    found = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found if "PhysicalResourceId" in each}


@pytest.mark.parametrize(
    ("name", "parameters", "conditional"),
    [
        ("published-keys", PARAMETERS, set[str]()),
        ("shared-secret", BY_SECRET, {"AuthorizerReadsSecret"}),
        ("mails", WITH_MAILS, MAILS),
    ],
)
def test_template_creates_a_stack(
    cloudformation: Any, name: str, parameters: dict[str, str], conditional: set[str]
) -> None:
    cloudformation.create_stack(**stack_request(name, parameters))

    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    physical_ids = resources(cloudformation, name)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs["ApiUrl"] == f"https://{physical_ids['Api']}.execute-api.{REGION}.amazonaws.com/prod"
    assert outputs["DashboardUrl"].endswith(f"#dashboards/dashboard/{name}")
    assert outputs["ProviderKeysKeyId"] == physical_ids["ProviderKeysKey"]
    assert outputs["ContentBucketName"] == physical_ids["ContentBucket"]
    assert (MAILS | {"AuthorizerReadsSecret"}) & set(physical_ids) == conditional
    handler: Any = boto3.client("lambda", region_name=REGION)  # pyright: ignore[reportUnknownMemberType]
    variables = handler.get_function_configuration(FunctionName=physical_ids["TranslateFunction"])["Environment"][
        "Variables"
    ]
    assert variables["AUDIT_LOGS_TABLE"] == physical_ids["AuditLogsTable"]
    assert variables["PROVIDER_KEYS_KEY_ID"] == physical_ids["ProviderKeysKey"]
    assert variables["TOKEN_SECRET_ARN"] == parameters.get("TokenSecretArn", "")


def test_second_deployment_keeps_every_table_with_its_items(cloudformation: Any) -> None:
    cloudformation.create_stack(**stack_request("twice", PARAMETERS))
    before = resources(cloudformation, "twice")
    store: Any = boto3.client("dynamodb", region_name=REGION)  # pyright: ignore[reportUnknownMemberType]
    item = {"PK": {"S": "acme"}, "SK": {"S": "kept"}}
    for table in TABLES:
        store.put_item(TableName=before[table], Item=item)

    cloudformation.update_stack(**stack_request("twice", CHANGED))

    (stack,) = cloudformation.describe_stacks(StackName="twice")["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    after = resources(cloudformation, "twice")
    lasting = [*TABLES, "ContentBucket", "DataKey", "ProviderKeysKey"]
    assert [after[each] for each in lasting] == [before[each] for each in lasting]
    assert [store.get_item(TableName=after[table], Key=item)["Item"] for table in TABLES] == [item] * len(TABLES)
    assert "MailEvents" in after


def test_no_parameter_can_replace_a_table() -> None:
    template = transformed()
    tables = json.dumps(of_kind(template, "AWS::DynamoDB::Table"))
    assert not [name for name in template["Parameters"] if f'"{name}"' in tables or f"${{{name}" in tables]
