"""Test the local stack: its AWS, created from the template, its token issuer and its e-mail list."""

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any, cast

import boto3
import httpx
import jwt
import pytest

from local.aws import ENDPOINT, Aws, AwsUnreachable
from local.dev.demo import PROVIDERS, base_urls
from local.emulator.functions import functions
from local.emulator.server import Server
from local.stack import LocalStack
from local.template import ROOT, Template
from nexus_ai.aws import clients
from nexus_ai.aws.dynamodb import tables
from nexus_ai.aws.dynamodb.keys import Key
from nexus_ai.aws.dynamodb.table import ConditionFailed
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers import pricing
from nexus_ai.providers.base import ProviderName, TokenUsage
from nexus_ai.settings.models import ANY_MODULE
from nexus_ai.settings.store import SettingsStore

SIMULATED_URLS = {name: f"http://simulated/{name}" for name in ProviderName}


def client(service: str, **options: Any) -> Any:
    return cast("Callable[..., Any]", boto3.client)(service, **options)  # pyright: ignore[reportUnknownMemberType]


def post_token(stack: LocalStack, body: object) -> httpx.Response:
    return httpx.post(f"{stack.url}/local/token", json=body, trust_env=False)


@pytest.mark.usefixtures("embedded_aws")
def test_concurrent_conditional_writes_grant_exactly_what_is_left(tenant: str) -> None:
    table = tables.rate_limits()
    key = Key(PK=tenant, SK="left")
    table.put({**key, "n": 100})

    def take(_: int) -> bool:
        try:
            table.update(key, "SET n = n - :one", {":one": 1}, condition="n >= :one")
        except ConditionFailed:
            return False
        return True

    with ThreadPoolExecutor(200) as pool:
        granted = sum(pool.map(take, range(200)))
    assert granted == 100
    assert (table.get(key, consistent=True) or {})["n"] == 0


@pytest.mark.usefixtures("embedded_aws")
def test_tables_are_those_of_the_template() -> None:
    settings = get_settings()
    table = clients.dynamodb().call("DescribeTable", {"TableName": settings.rate_limits_table})["Table"]
    assert [key["AttributeName"] for key in table.get("KeySchema", [])] == ["PK", "SK"]
    (index,) = table.get("GlobalSecondaryIndexes", [])
    assert index.get("IndexName") == "due"
    ttl = clients.dynamodb().call("DescribeTimeToLive", {"TableName": settings.cache_table})["TimeToLiveDescription"]
    assert ttl.get("AttributeName") == "expiresAt"


def test_another_process_finds_the_same_state(embedded_aws: Aws, tenant: str) -> None:
    tables.settings().put({"PK": tenant, "SK": "seen"})
    other_client = client("dynamodb", endpoint_url=embedded_aws.serve())
    key = {"PK": {"S": tenant}, "SK": {"S": "seen"}}
    assert other_client.get_item(TableName=get_settings().settings_table, Key=key)["Item"] == key


def test_external_aws_is_used_and_only_completed(embedded_aws: Aws, tenant: str) -> None:
    url = embedded_aws.serve()
    tables.settings().put({"PK": tenant, "SK": "seen"})
    template = Template(
        {"TokenIssuer": "https://i", "TokenAudience": "a", "TokenJwksUrl": "https://i/keys"}, region="us-east-1"
    )
    external = Aws(template, "us-east-1", {ENDPOINT: url})
    try:
        external.start()
        functions(template, "us-east-1")
        assert external.external == ("dynamodb", "kms", "s3", "sesv2")
        assert os.environ[f"{ENDPOINT}_DYNAMODB"] == url
        found = template.environment()
        assert found["SETTINGS_TABLE"] == get_settings().settings_table
        assert found["PROVIDER_KEYS_KEY_ID"] == get_settings().provider_keys_key_id
    finally:
        external.stop()
    assert f"{ENDPOINT}_DYNAMODB" not in os.environ
    assert tables.settings().get({"PK": tenant, "SK": "seen"}) is not None


def test_unreachable_aws_is_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        template = Template({"TokenIssuer": "i", "TokenAudience": "a", "TokenJwksUrl": "i"}, region="us-east-1")
        aws = Aws(template, "us-east-1", {ENDPOINT: url})
        with pytest.raises(AwsUnreachable, match=url):
            aws.start()
        aws.stop()


def test_issued_token_verifies_with_the_issuers_key(stack: LocalStack, tenant: str) -> None:
    response = post_token(stack, {"tenantId": tenant, "userId": "ana", "roles": ["admin"]})
    assert response.status_code == 200
    token = response.json()["token"]
    key = jwt.PyJWKClient(stack.issuer.jwks_url).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], issuer=stack.issuer.url, audience="nexus-ai")
    assert (claims["tenant_id"], claims["sub"], claims["roles"]) == (tenant, "ana", ["admin"])
    assert claims["exp"] - claims["iat"] == 3600


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ([], 400, None),
        ({"tenantId": "a b", "userId": "ana", "roles": []}, 422, "tenantId"),
        ({"tenantId": "acme", "userId": "", "roles": []}, 422, "userId"),
        ({"tenantId": "acme", "userId": "ana", "roles": "admin"}, 422, "roles"),
        ({"tenantId": "acme", "userId": "ana", "roles": [7]}, 422, "roles.0"),
        ({"tenantId": "acme", "userId": "ana"}, 422, "roles"),
        ({"tenantId": "acme", "userId": "ana", "roles": [], "more": 1}, 422, "more"),
        ({"tenantId": "acme", "userId": "ana", "roles": ["x" * 70_000]}, 413, None),
    ],
)
def test_bad_token_request_names_the_field(stack: LocalStack, body: object, status: int, field: str | None) -> None:
    response = post_token(stack, body)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in response.json().get("errors", [])] == ([field] if field else [])


def test_malformed_json_gets_no_token(stack: LocalStack) -> None:
    response = httpx.post(f"{stack.url}/local/token", content=b"{", trust_env=False)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")


def test_new_tenant_gets_five_providers_and_their_order(stack: LocalStack, tenant: str) -> None:
    assert post_token(stack, {"tenantId": tenant, "userId": "ana", "roles": ["user"]}).status_code == 200
    settings = SettingsStore(tables.settings()).load(tenant)
    assert {name: config.model for name, config in settings.providers.items()} == {
        name: provider.model for name, provider in PROVIDERS.items()
    }
    assert [name for name, config in settings.providers.items() if config.is_default] == ["openai"]
    assert [step.provider for step in settings.fallback(ANY_MODULE).steps] == list(PROVIDERS)


def test_known_tenant_keeps_its_changes(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    store = SettingsStore(tables.settings())
    changed = store.load(tenant).providers["openai"].model_copy(update={"model": "gpt-6.1-sol"})
    store.put_provider(tenant, changed)
    stack.token(tenant)
    assert store.load(tenant).providers["openai"].model == "gpt-6.1-sol"


def test_every_demo_model_has_a_price() -> None:
    usage = TokenUsage(input_tokens=1_000_000, output_tokens=1_000_000)
    for name, provider in PROVIDERS.items():
        assert (pricing.price(name, provider.model, usage) or 0) > 0, name


def test_provider_is_real_with_a_key_and_simulated_without() -> None:
    operator = {"OPENAI_API_KEY": "sk-real", "GROQ_API_KEY": "gsk-real", "GROQ_BASE_URL": "http://proxy/groq"}
    urls = base_urls(operator | {"ANTHROPIC_BASE_URL": "http://proxy/anthropic"}, SIMULATED_URLS)
    assert urls == {
        "OpenaiBaseUrl": "",
        "AnthropicBaseUrl": "http://proxy/anthropic",
        "GoogleGeminiBaseUrl": SIMULATED_URLS[ProviderName.GOOGLE],
        "GroqBaseUrl": "http://proxy/groq",
        "OpenrouterBaseUrl": SIMULATED_URLS[ProviderName.OPENROUTER],
    }


def test_mails_are_listed_newest_first_with_all_parts(stack: LocalStack, tenant: str) -> None:
    ses = client("sesv2")
    ses.create_email_identity(EmailIdentity=f"{tenant}@example.com")
    for number in (1, 2):
        mail = EmailMessage()
        mail["Subject"] = f"Aviso {number} de {tenant}: você usou 80 %"
        mail.set_content("Olá, João")
        mail.add_alternative("<p>Olá, João</p>", subtype="html")
        ses.send_email(
            FromEmailAddress=f"{tenant}@example.com",
            Destination={"ToAddresses": ["joao@example.com", "ana@example.com"]},
            Content={"Raw": {"Data": mail.as_bytes()}},
        )
    response = httpx.get(f"{stack.url}/local/mail", trust_env=False)
    mails = [item for item in response.json()["items"] if tenant in item["subject"]]
    assert [mail["subject"] for mail in mails] == [f"Aviso {number} de {tenant}: você usou 80 %" for number in (2, 1)]
    assert mails[0]["recipients"] == ["joao@example.com", "ana@example.com"]
    assert mails[0]["text"].strip() == "Olá, João"
    assert mails[0]["html"].strip() == "<p>Olá, João</p>"


def test_unknown_local_path_is_not_found(stack: LocalStack) -> None:
    response = httpx.get(f"{stack.url}/local/elsewhere", trust_env=False)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_occupied_port_is_an_error() -> None:
    server = Server()
    with pytest.raises(OSError, match="in use"):
        Server(server.port)
    server.stop()


def test_template_names_the_parameter_without_a_value() -> None:
    with pytest.raises(ValueError, match="Maintain"):
        Template({"Name": "n"}, region="us-east-1", path=ROOT / "ops" / "dashboard.yaml")
