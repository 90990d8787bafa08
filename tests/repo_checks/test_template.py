"""Test template.yaml: encryption, backups, least privilege, and agreement with the settings and the functions."""

import json
import logging
import re
from itertools import takewhile
from typing import Any, get_args

import pytest
import yaml

from local.emulator.routes import RestApi
from local.template import ROOT, Template
from nexus_ai.aws.dynamodb import keys
from nexus_ai.platform.settings import Settings

TEXT = (ROOT / "template.yaml").read_text()
PARAMETERS = {
    "TokenIssuer": "https://issuer.example",
    "TokenAudience": "nexus-ai",
    "TokenJwksUrl": "https://issuer.example/keys",
}
TEMPLATE = Template(PARAMETERS, region="us-east-1")
TABLES = dict(TEMPLATE.resources("AWS::DynamoDB::Table"))
BANNERS = ["Parameters", "Conditions", "Globals", "Layer", "API", "Tables", "Functions", "Monitoring", "Outputs"]
BLOCK_LINES = 20
NAMES_TENANT_AND_PROVIDER = {
    "Null": {"kms:EncryptionContext:tenant": "false", "kms:EncryptionContext:provider": "false"}
}
# Parts of a resource that a policy may name.
PARTS = [
    "ContentBucket.Arn}/*",
    "ContentBucket.Arn}/-/health",
    "ContentBucket.Arn}/-/exports/*",
    "AuditLogsTable.Arn}/index/byUser",
    "RateLimitsTable.Arn}/index/due",
]


def statements() -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, statement)
        for name, properties in TEMPLATE.functions().items()
        for policy in properties.get("Policies", [])
        for statement in policy["Statement"]
    ]


def test_sections_are_in_order() -> None:
    assert re.findall(r"^ *# -{20,} (\w+)$", TEXT, re.MULTILINE) == BANNERS


def test_template_has_the_five_tables() -> None:
    assert set(TABLES) == {"SettingsTable", "RateLimitsTable", "CacheTable", "UsageTable", "AuditLogsTable"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_table_is_encrypted_backed_up_protected_and_on_demand(name: str) -> None:
    table = TABLES[name]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "DataKey"}}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["PK", "SK"]
    assert "TableName" not in table


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"])
def test_stored_data_outlives_the_stack(kind: str) -> None:
    body = TEMPLATE.body["Resources"]
    lasting = {name: body[name] for name, _ in TEMPLATE.resources(kind)}
    assert lasting
    for resource in lasting.values():
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_policy_names_every_action_and_one_resource() -> None:
    assert statements()
    for function, statement in statements():
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            assert re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action), f"{function}: {action}"
        parts = [{"Fn::Sub": f"${{{part}"} for part in PARTS]
        resource = statement["Resource"]
        assert resource in (*parts, {"Fn::GetAtt": [resource_name(statement), "Arn"]}), f"{function}: one, by reference"


def resource_name(statement: dict[str, Any]) -> str | None:
    """Return the logical id of `!GetAtt X.Arn`."""
    reference: dict[str, Any] = statement["Resource"]
    return reference["Fn::GetAtt"][0] if "Fn::GetAtt" in reference else None


def test_provider_keys_need_tenant_and_provider_to_decrypt() -> None:
    uses = [statement for _, statement in statements() if resource_name(statement) == "ProviderKeysKey"]
    assert uses
    for statement in uses:
        assert statement["Action"] == ["kms:DescribeKey"] or statement["Condition"] == NAMES_TENANT_AND_PROVIDER


def test_only_functions_that_need_a_provider_key_can_use_it() -> None:
    functions_with_key_access = {
        function: action
        for function, statement in statements()
        for action in statement["Action"]
        if resource_name(statement) == "ProviderKeysKey" and action != "kms:DescribeKey"
    }
    calling = ["GenerateCopy", "AnalyzeSentiment", "GenerateSummary", "Translate", "TestConfig", "ListModels"]
    decrypting = {f"{name}Function": "kms:Decrypt" for name in calling}
    assert functions_with_key_access == decrypting | {"PutConfigFunction": "kms:Decrypt"}
    encrypting = [function for function, statement in statements() if "kms:Encrypt" in statement["Action"]]
    assert encrypting == ["PutConfigFunction"]


def test_key_policy_allows_one_use_whatever_iam_allows() -> None:
    uses: dict[str, Any] = {}
    for name, key in TEMPLATE.resources("AWS::KMS::Key"):
        assert key["EnableKeyRotation"] is True
        for statement in key["KeyPolicy"]["Statement"]:
            assert "kms:*" not in statement["Action"]
            if set(statement["Action"]) & {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"}:
                uses[name] = statement["Condition"]
    assert uses["ProviderKeysKey"] == NAMES_TENANT_AND_PROVIDER
    services = [{"Fn::Sub": f"{name}.${{AWS::Region}}.${{AWS::URLSuffix}}"} for name in ("dynamodb", "s3")]
    assert uses["DataKey"] == {
        "StringEquals": {"kms:CallerAccount": {"Ref": "AWS::AccountId"}, "kms:ViaService": services}
    }
    assert not [function for function, statement in statements() if resource_name(statement) == "DataKey"]


def test_no_function_has_a_broad_sam_policy() -> None:
    for properties in TEMPLATE.functions().values():
        assert all(set(policy) == {"Statement"} for policy in properties.get("Policies", []))


def test_bucket_is_private_and_encrypted_and_expires_content() -> None:
    ((_, bucket),) = TEMPLATE.resources("AWS::S3::Bucket")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    content, exports = bucket["LifecycleConfiguration"]["Rules"]
    assert content["Status"] == exports["Status"] == "Enabled"
    assert content["ExpirationInDays"] == {"Ref": "ContentRetentionDays"}
    assert (exports["Prefix"], exports["ExpirationInDays"]) == ("-/exports/", 1)
    assert keys.export_object("tenant", "job", "file").startswith(exports["Prefix"])
    ((_, policy),) = TEMPLATE.resources("AWS::S3::BucketPolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_settings_match_the_environment_variables() -> None:
    variables = {name for each in TEMPLATE.functions().values() for name in each["Environment"]["Variables"]}
    assert {name.lower() for name in variables} == set(Settings.model_fields)


def test_log_levels_keep_metrics_and_match_the_settings() -> None:
    levels = TEMPLATE.body["Parameters"]["LogLevel"]["AllowedValues"]
    # Lambda treats a line without a level, such as a line of metrics, as INFO.
    assert max(logging.getLevelNamesMapping()[level] for level in levels) <= logging.INFO
    assert set(levels) == set(get_args(Settings.model_fields["log_level"].annotation))


def test_defaults_of_parameters_match_the_settings() -> None:
    variables: dict[str, Any] = TEMPLATE.body["Globals"]["Function"]["Environment"]["Variables"]
    parameters = TEMPLATE.body["Parameters"]
    # If a user pool overrides the variable, the parameter is the last value.
    parameter_of = {
        name: value["Fn::If"][2]["Ref"] if "Fn::If" in value else value["Ref"] for name, value in variables.items()
    }
    defaults = {
        name.lower(): parameters[parameter]["Default"]
        for name, parameter in parameter_of.items()
        if "Default" in parameters.get(parameter, {}) and name != "STAGE"
    }
    needed = {name: "x" for name, field in Settings.model_fields.items() if field.is_required()}
    assert Settings.model_validate(defaults | needed) == Settings.model_validate(needed)


@pytest.mark.parametrize("name", sorted(dict(TEMPLATE.resources("AWS::Serverless::Function"))))
def test_block_of_a_function_is_short(name: str) -> None:
    lines = TEXT.splitlines()
    begin = lines.index(f"  {name}:") + 1
    assert len(list(takewhile(lambda line: line.startswith("    "), lines[begin:]))) < BLOCK_LINES


def test_no_resource_has_a_literal_name() -> None:
    for resource in TEMPLATE.body["Resources"].values():
        literal = {"TableName", "FunctionName", "BucketName", "LogGroupName", "RoleName"}
        assert not literal & set(resource.get("Properties", {}))


def test_every_parameter_is_described_and_used() -> None:
    for name, parameter in TEMPLATE.body["Parameters"].items():
        assert parameter["Description"].strip()
        assert f"!Ref {name}" in TEXT or f"${{{name}}}" in TEXT, name
        assert parameter["Type"] == "Number" or "AllowedPattern" in parameter or "AllowedValues" in parameter, name


def test_gateway_responses_have_the_form_of_the_functions() -> None:
    api = RestApi(TEMPLATE)
    ((_, properties),) = TEMPLATE.resources("AWS::Serverless::Api")
    for kind in properties["GatewayResponses"]:
        status, headers, body = api.gateway_response(kind).of("the-request-id")
        document = json.loads(body)
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["X-Request-Id"] == document["requestId"] == "the-request-id"
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert document["type"] == f"urn:nexus-ai:problem:{document['code']}"
        assert document["title"]
        assert document["detail"]
        assert document.get("status", status) == status


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("UNAUTHORIZED", 401),
        ("ACCESS_DENIED", 401),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("THROTTLED", 429),
        ("QUOTA_EXCEEDED", 429),
        ("WAF_FILTERED", 403),
        ("AUTHORIZER_FAILURE", 503),
        ("AUTHORIZER_CONFIGURATION_ERROR", 503),
        ("INTEGRATION_FAILURE", 503),
        ("INTEGRATION_TIMEOUT", 504),
        ("BAD_GATEWAY", 502),
    ],
)
def test_gateway_response_has_the_status_of_its_cause(kind: str, status: int) -> None:
    assert RestApi(TEMPLATE).gateway_response(kind).status == status


@pytest.mark.parametrize(
    "kind",
    ["THROTTLED", "QUOTA_EXCEEDED", "AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR", "INTEGRATION_FAILURE"],
)
def test_retryable_gateway_response_has_retry_after(kind: str) -> None:
    _, headers, _ = RestApi(TEMPLATE).gateway_response(kind).of("id")
    assert int(headers["Retry-After"]) >= 1


def test_browsers_may_read_request_id_and_retry_after() -> None:
    api = RestApi(TEMPLATE)
    ((_, properties),) = TEMPLATE.resources("AWS::Serverless::Api")
    for kind in properties["GatewayResponses"]:
        _, headers, _ = api.gateway_response(kind).of("id")
        assert headers["Access-Control-Expose-Headers"] == "X-Request-Id,Retry-After"


def test_cors_origin_is_the_parameter() -> None:
    template = Template(PARAMETERS | {"CorsOrigin": "https://crm.example.com"}, region="us-east-1")
    api = RestApi(template)
    assert api.preflight()["Access-Control-Allow-Origin"] == "https://crm.example.com"
    _, headers, _ = api.gateway_response("UNAUTHORIZED").of("id")
    assert headers["Access-Control-Allow-Origin"] == "https://crm.example.com"
    assert "Idempotency-Key" in api.preflight()["Access-Control-Allow-Headers"]


def test_workflow_runs_ci_and_pins_its_actions() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        # A deployment is started by hand, of a pushed commit. YAML reads the key `on` as true.
        by_hand = list(workflow[True]) == ["workflow_dispatch"]
        assert by_hand or any(step.get("run") == ".ci/run" for step in steps)
        for step in steps:
            assert "uses" not in step or re.search(r"@[0-9a-f]{40}$", step["uses"])
