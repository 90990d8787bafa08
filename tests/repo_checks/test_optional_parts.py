"""Test the optional parts: a user pool, a site, a domain name and a web ACL.

moto's CloudFormation supports neither the outputs of a nested stack nor the resources of these parts. These tests
therefore read the templates, and `make lint` checks the resources with cfn-lint.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import combinations
from typing import Any, cast

import pytest

from local.template import ROOT, Template
from tests.repo_checks.deployed import OPTIONAL, PARAMETERS, findings, of_kind, transformed

POOL = {name: OPTIONAL[name] for name in ("SignInPrefix", "SignInCallbackUrl")}
DOMAIN = {name: OPTIONAL[name] for name in ("DomainName", "CertificateArn", "HostedZoneId")}
WEB_ACL = {"RequestsPerAddress": OPTIONAL["RequestsPerAddress"]}
CONDITIONS = {"HasUserPool": POOL, "HasSite": {"Site": "on"}, "HasDomain": DOMAIN, "HasWebAcl": WEB_ACL}
COMBINATIONS = [chosen for size in range(5) for chosen in combinations(CONDITIONS, size)]
SECRET = {"TokenSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tokens-AbCdEf"}


def parameters_for(chosen: tuple[str, ...]) -> dict[str, str]:
    """Return parameters that fulfil these conditions, and no other of the four."""
    issuer = {} if "HasUserPool" in chosen else PARAMETERS
    return {**issuer, **{name: value for each in chosen for name, value in CONDITIONS[each].items()}}


def part(name: str) -> dict[str, Any]:
    parameters = dict.fromkeys(("Name", "Api", "Stage", "RequestsPerAddress", "CertificateArn", "HostedZoneId"), "x")
    parameters |= {"Prefix": "x", "CallbackUrl": "x", "Maintain": "x", "DeadLetters": "x"}
    parameters |= {"ApiOrigin": "x", "SignInOrigin": "x"}
    return Template(parameters, region="us-east-1", path=ROOT / name).body


@cache
def template() -> dict[str, Any]:
    return Template({}, region="us-east-1").body


def values(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return all parameters, with their defaults."""
    return {name: str(parameters.get(name, each["Default"])) for name, each in template()["Parameters"].items()}


def holds(node: Any, parameters: Mapping[str, str]) -> Any:
    """Evaluate a rule or a condition over parameters; it uses only the functions below."""
    if not isinstance(node, dict):
        return node
    ((function, argument),) = cast("dict[str, Any]", node).items()
    if function == "Ref":
        return parameters[argument]
    if function == "Fn::Contains":
        return holds(argument[1], parameters) in argument[0]
    found = [holds(each, parameters) for each in argument]
    match function:
        case "Fn::Equals":
            return str(found[0]) == str(found[1])
        case "Fn::Not":
            return not found[0]
        case "Fn::And":
            return all(found)
        case "Fn::Or":
            return any(found)
        case _:
            raise LookupError(f"{function} is not for rules")


def refusals(parameters: Mapping[str, str]) -> list[str]:
    """Return the reasons for which CloudFormation refuses these parameters."""
    for name, value in parameters.items():
        assert re.search(template()["Parameters"][name].get("AllowedPattern", ""), value), name
    all_values = values(parameters)
    return [
        assertion["AssertDescription"]
        for rule in template()["Rules"].values()
        if holds(rule.get("RuleCondition", True), all_values)
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"], all_values)
    ]


@pytest.mark.parametrize("chosen", COMBINATIONS)
def test_parts_are_created_by_their_parameters_in_any_combination(chosen: tuple[str, ...]) -> None:
    assert refusals(parameters_for(chosen)) == []
    assert (
        tuple(name for name in CONDITIONS if holds(template()["Conditions"][name], values(parameters_for(chosen))))
        == chosen
    )


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({}, "Set TokenJwksUrl, TokenSecretArn or SignInPrefix, with which tokens are verified."),
        ({**PARAMETERS, **SECRET}, "Set TokenJwksUrl or TokenSecretArn, not both."),
        ({**SECRET, "TokenIssuer": "https://i"}, "Set TokenIssuer and TokenAudience."),
        (
            {**PARAMETERS, **POOL},
            "Leave the four Token parameters empty, because the user pool provides them.",
        ),
        (
            {**SECRET, **POOL},
            "Leave the four Token parameters empty, because the user pool provides them.",
        ),
        ({"SignInPrefix": "crm"}, "Set SignInCallbackUrl, to which users return from the sign-in page."),
        (
            {**PARAMETERS, "SignInCallbackUrl": "https://crm.example/"},
            "SignInCallbackUrl needs a user pool, which SignInPrefix creates.",
        ),
        *(
            (
                {**PARAMETERS, name: DOMAIN[name]},
                "DomainName needs CertificateArn. CertificateArn and HostedZoneId need DomainName.",
            )
            for name in DOMAIN
        ),
        ({**PARAMETERS, "RequestsPerAddress": "9"}, "RequestsPerAddress must be at least 10, or 0 for no web ACL."),
    ],
)
def test_contradictory_parameters_are_refused(parameters: dict[str, str], refusal: str) -> None:
    assert refusal in refusals(parameters)


def test_all_optional_parts_have_no_findings() -> None:
    assert findings(transformed(parameters=OPTIONAL)) == []


def test_parameters_and_outputs_of_each_part_match() -> None:
    deployed = transformed()
    parts = of_kind(deployed, "AWS::CloudFormation::Stack")
    assert {"UserPool", "Frontend", "Domain", "WebAcl"} <= parts.keys()
    outputs_used = set(re.findall(r"'Fn::GetAtt': \['(\w+)', 'Outputs\.(\w+)'\]", str(deployed)))
    for name, properties in parts.items():
        nested = part(properties["TemplateURL"])
        assert properties["Parameters"].keys() == nested["Parameters"].keys()
        assert {output for part_name, output in outputs_used if part_name == name} == set(nested.get("Outputs", {}))


def test_domain_and_web_acl_depend_on_their_stage() -> None:
    deployed = transformed()
    (stage,) = of_kind(deployed, "AWS::ApiGateway::Stage")
    parts = of_kind(deployed, "AWS::CloudFormation::Stack")
    assert [parts[name]["Parameters"]["Stage"] for name in ("Domain", "WebAcl")] == [{"Ref": stage}] * 2


def test_functions_use_the_user_pool_as_issuer() -> None:
    template = Template(POOL, region="us-east-1")
    outputs = {"Outputs.Issuer": "https://pool", "Outputs.Client": "client", "Outputs.Keys": "https://pool/keys"}
    template.name("UserPool", "pool", **outputs)
    variables = template.body["Globals"]["Function"]["Environment"]["Variables"]
    resolved = {name: template.resolve(variables[name]) for name in variables if name.startswith(("TOKEN_", "CLAIM_"))}
    assert resolved == {
        "TOKEN_ISSUER": "https://pool",
        "TOKEN_AUDIENCE": "client",
        "TOKEN_JWKS_URL": "https://pool/keys",
        "TOKEN_SECRET_ARN": "",
        "CLAIM_TENANT": "custom:tenant_id",
        "CLAIM_USER": "sub",
        "CLAIM_ROLES": "custom:roles",
    }


def test_user_of_the_pool_cannot_choose_tenant_or_role() -> None:
    resources = part("ops/user_pool.yaml")["Resources"]
    users, client = resources["Users"]["Properties"], resources["Client"]["Properties"]
    tenant_attributes = {f"custom:{attribute['Name']}" for attribute in users["Schema"]}
    assert tenant_attributes == {"custom:tenant_id", "custom:roles"}
    assert tenant_attributes <= set(client["ReadAttributes"])
    # Without the list, or with this scope, every signed-in user could write them.
    assert not tenant_attributes & set(client["WriteAttributes"])
    assert "aws.cognito.signin.user.admin" not in client["AllowedOAuthScopes"]
    assert users["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}


def test_user_pool_gives_tokens_for_codes_and_outlives_its_stack() -> None:
    resources = part("ops/user_pool.yaml")["Resources"]
    users, client = resources["Users"], resources["Client"]["Properties"]
    assert (client["AllowedOAuthFlows"], client["GenerateSecret"]) == (["code"], False)
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert users["Properties"]["DeletionProtection"] == "ACTIVE"
    lasting = [users, transformed()["Resources"]["UserPool"]]
    assert [each["DeletionPolicy"] for each in lasting] == ["RetainExceptOnCreate"] * 2


def test_web_acl_refuses_no_body_for_its_text() -> None:
    acl = part("ops/web_acl.yaml")["Resources"]["WebAcl"]["Properties"]
    rules = {rule["Name"]: rule["Statement"] for rule in acl["Rules"]}
    overrides = rules["common"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    counted = {override["Name"] for override in overrides if override["ActionToUse"] == {"Count": {}}}
    # Rules of AWS's common rule set that inspect bodies.
    bodies = ("SizeRestrictions", "CrossSiteScripting", "GenericLFI", "GenericRFI", "EC2MetaDataSSRF")
    assert {f"{kind}_BODY" for kind in bodies} <= counted
    assert rules["requests-of-one-address"]["RateBasedStatement"]["Limit"] == {"Ref": "RequestsPerAddress"}
    assert "'SampledRequestsEnabled': True" not in str(acl)


def test_only_the_distribution_reads_the_files_of_the_site() -> None:
    resources = part("ops/site.yaml")["Resources"]
    assert set(resources["Files"]["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    allowed, refused = resources["FilesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    source = {"Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"}
    assert allowed["Condition"] == {"StringEquals": {"AWS:SourceArn": source}}
    assert allowed["Action"] == "s3:GetObject"
    assert (refused["Effect"], refused["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_content_security_policy_allows_only_site_api_and_sign_in() -> None:
    headers = part("ops/site.yaml")["Resources"]["Headers"]["Properties"]["ResponseHeadersPolicyConfig"]
    policy = headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    assert policy == (
        "default-src 'self'; connect-src 'self' ${ApiOrigin} ${SignInOrigin}; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
