"""The second engine under the tables: DynamoDB Local, for the tests that ask for it."""

from collections.abc import Generator

import pytest

from local.aws import Aws, make_tables
from local.environment import environment
from local.stack import DEFAULT_REGION
from local.template import Template
from nexus_ai.aws import clients
from tests.dynamodb_local import dynamodb_local, keep_all_items

# What the template asks for and no table depends on.
NO_ISSUER = {"TokenIssuer": "-", "TokenAudience": "-", "TokenJwksUrl": "-"}


@pytest.fixture(scope="session")
def dynamodb_local_url() -> Generator[str]:
    with dynamodb_local() as url:
        yield url


@pytest.fixture
def on_dynamodb_local(embedded_aws: Aws, dynamodb_local_url: str, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """The tables of template.yaml, under the names they have in the embedded engine too; all else stays there."""
    # Three hundred calls at once queue up in one small engine: how long is no question of these tests.
    monkeypatch.setattr(clients, "READ_TIMEOUT_S", 60)
    with environment({"AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_url}):
        make_tables(Template(NO_ISSUER, region=DEFAULT_REGION))
        keep_all_items(dynamodb_local_url)
        clients.dynamodb.cache_clear()
        try:
            yield
        finally:
            clients.dynamodb.cache_clear()


@pytest.fixture
def engine(request: pytest.FixtureRequest, embedded_aws: Aws) -> str:
    """The engine that the parameter names: "embedded" or "DynamoDB Local"."""
    name: str = request.param
    if name == "DynamoDB Local":
        request.getfixturevalue("on_dynamodb_local")
    return name
