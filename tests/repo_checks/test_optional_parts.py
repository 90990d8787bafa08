"""What there is only where it is asked for: a user pool, a site, a name, a web ACL.

moto's CloudFormation knows neither the outputs of a nested stack nor what these four are made of. So whether they fit
their stack is read from the templates, and that AWS takes each of them, cfn-lint says (`make lint`).
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


def given(chosen: tuple[str, ...]) -> dict[str, str]:
    """Parameters by which these conditions hold, and no other of the four."""
    issuer = {} if "HasUserPool" in chosen else PARAMETERS
    return {**issuer, **{name: value for each in chosen for name, value in CONDITIONS[each].items()}}


def part(name: str) -> dict[str, Any]:
    parameters = dict.fromkeys(("Name", "Api", "Stage", "RequestsPerAddress", "CertificateArn", "HostedZoneId"), "x")
    parameters |= {"Prefix": "x", "CallbackUrl": "x", "Maintain": "x", "DeadLetters": "x"}
    parameters |= {"ApiOrigin": "x", "SignInOrigin": "x"}
    return Template(parameters, region="us-east-1", path=ROOT / name).body


@cache
def written() -> dict[str, Any]:
    return Template({}, region="us-east-1").body


def values(parameters: Mapping[str, str]) -> dict[str, str]:
    """All of them, with their defaults."""
    return {name: str(parameters.get(name, each["Default"])) for name, each in written()["Parameters"].items()}


def holds(node: Any, of: Mapping[str, str]) -> Any:
    """What a rule or a condition says of parameters, which have no other functions than these."""
    if not isinstance(node, dict):
        return node
    ((function, argument),) = cast("dict[str, Any]", node).items()
    if function == "Ref":
        return of[argument]
    if function == "Fn::Contains":
        return holds(argument[1], of) in argument[0]
    found = [holds(each, of) for each in argument]
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
    """What CloudFormation says to these parameters."""
    for name, value in parameters.items():
        assert re.search(written()["Parameters"][name].get("AllowedPattern", ""), value), name
    all_values = values(parameters)
    return [
        assertion["AssertDescription"]
        for rule in written()["Rules"].values()
        if holds(rule.get("RuleCondition", True), all_values)
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"], all_values)
    ]


@pytest.mark.parametrize("chosen", COMBINATIONS)
def test_each_is_there_with_its_own_parameters_and_goes_with_the_others(chosen: tuple[str, ...]) -> None:
    assert refusals(given(chosen)) == []
    assert tuple(name for name in CONDITIONS if holds(written()["Conditions"][name], values(given(chosen)))) == chosen


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
def test_parameters_that_do_not_go_together_are_refused(parameters: dict[str, str], refusal: str) -> None:
    assert refusal in refusals(parameters)


def test_an_auditor_finds_nothing_with_all_of_them() -> None:
    assert findings(transformed(parameters=OPTIONAL)) == []


def test_each_part_is_told_what_it_asks_for_and_tells_what_is_asked_of_it() -> None:
    deployed = transformed()
    parts = of_kind(deployed, "AWS::CloudFormation::Stack")
    assert {"UserPool", "Frontend", "Domain", "WebAcl"} <= parts.keys()
    asked = set(re.findall(r"'Fn::GetAtt': \['(\w+)', 'Outputs\.(\w+)'\]", str(deployed)))
    for name, properties in parts.items():
        nested = part(properties["TemplateURL"])
        assert properties["Parameters"].keys() == nested["Parameters"].keys()
        assert {output for of, output in asked if of == name} == set(nested.get("Outputs", {}))


def test_a_name_and_a_web_acl_wait_for_the_stage_they_are_of() -> None:
    deployed = transformed()
    (stage,) = of_kind(deployed, "AWS::ApiGateway::Stage")
    parts = of_kind(deployed, "AWS::CloudFormation::Stack")
    assert [parts[name]["Parameters"]["Stage"] for name in ("Domain", "WebAcl")] == [{"Ref": stage}] * 2


def test_the_functions_take_the_user_pool_for_their_issuer() -> None:
    template = Template(POOL, region="us-east-1")
    outputs = {"Outputs.Issuer": "https://pool", "Outputs.Client": "client", "Outputs.Keys": "https://pool/keys"}
    template.name("UserPool", "pool", **outputs)
    variables = template.body["Globals"]["Function"]["Environment"]["Variables"]
    told = {name: template.resolve(variables[name]) for name in variables if name.startswith(("TOKEN_", "CLAIM_"))}
    assert told == {
        "TOKEN_ISSUER": "https://pool",
        "TOKEN_AUDIENCE": "client",
        "TOKEN_JWKS_URL": "https://pool/keys",
        "TOKEN_SECRET_ARN": "",
        "CLAIM_TENANT": "custom:tenant_id",
        "CLAIM_USER": "sub",
        "CLAIM_ROLES": "custom:roles",
    }


def test_nobody_of_a_user_pool_chooses_a_tenant_or_a_role() -> None:
    resources = part("ops/user_pool.yaml")["Resources"]
    users, client = resources["Users"]["Properties"], resources["Client"]["Properties"]
    own = {f"custom:{attribute['Name']}" for attribute in users["Schema"]}
    assert own == {"custom:tenant_id", "custom:roles"}
    assert own <= set(client["ReadAttributes"])
    # Without the list, or with this scope, whoever is signed in could write them.
    assert not own & set(client["WriteAttributes"])
    assert "aws.cognito.signin.user.admin" not in client["AllowedOAuthScopes"]
    assert users["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}


def test_a_user_pool_gives_tokens_for_a_code_alone_and_outlives_its_stack() -> None:
    resources = part("ops/user_pool.yaml")["Resources"]
    users, client = resources["Users"], resources["Client"]["Properties"]
    assert (client["AllowedOAuthFlows"], client["GenerateSecret"]) == (["code"], False)
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert users["Properties"]["DeletionProtection"] == "ACTIVE"
    kept = [users, transformed()["Resources"]["UserPool"]]
    assert [each["DeletionPolicy"] for each in kept] == ["RetainExceptOnCreate"] * 2


def test_a_web_acl_refuses_no_text_for_what_people_write() -> None:
    acl = part("ops/web_acl.yaml")["Resources"]["WebAcl"]["Properties"]
    rules = {rule["Name"]: rule["Statement"] for rule in acl["Rules"]}
    overrides = rules["common"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    counted = {override["Name"] for override in overrides if override["ActionToUse"] == {"Count": {}}}
    # Those of AWS's common rule set that look into bodies.
    bodies = ("SizeRestrictions", "CrossSiteScripting", "GenericLFI", "GenericRFI", "EC2MetaDataSSRF")
    assert {f"{kind}_BODY" for kind in bodies} <= counted
    assert rules["requests-of-one-address"]["RateBasedStatement"]["Limit"] == {"Ref": "RequestsPerAddress"}
    assert "'SampledRequestsEnabled': True" not in str(acl)


def test_nobody_reads_the_sites_files_but_through_its_own_distribution() -> None:
    resources = part("ops/site.yaml")["Resources"]
    assert set(resources["Files"]["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    allowed, refused = resources["FilesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    source = {"Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"}
    assert allowed["Condition"] == {"StringEquals": {"AWS:SourceArn": source}}
    assert allowed["Action"] == "s3:GetObject"
    assert (refused["Effect"], refused["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_page_loads_the_sites_own_files_and_calls_the_api_and_the_sign_in_page() -> None:
    headers = part("ops/site.yaml")["Resources"]["Headers"]["Properties"]["ResponseHeadersPolicyConfig"]
    policy = headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    assert policy == (
        "default-src 'self'; connect-src 'self' ${ApiOrigin} ${SignInOrigin}; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
