"""Test that links to objects name the bucket's regional host and are signed for its region."""

import os
from collections.abc import Generator
from urllib.parse import parse_qs, urlsplit

import pytest

from nexus_ai.aws import clients, s3
from nexus_ai.platform.settings import get_settings
from tests.unit.http.http_events import SETTINGS

BUCKET = "nexus-ai-prod-contentbucket-1a2b3c"
NAME = "-/exports/acme/0199f2c1/1.jsonl"
VARIABLES = {
    "CONTENT_BUCKET": BUCKET,
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_CONFIG_FILE": os.devnull,
}
OTHER_ENDPOINTS = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)


@pytest.fixture(autouse=True)
def lambda_environment(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    for name, value in (SETTINGS | VARIABLES).items():
        monkeypatch.setenv(name, value)
    for name in OTHER_ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    get_settings.cache_clear()
    clients.s3.cache_clear()
    yield
    get_settings.cache_clear()
    clients.s3.cache_clear()


@pytest.mark.parametrize(
    ("region", "variables", "host"),
    [
        ("us-east-1", {}, "s3.us-east-1.amazonaws.com"),
        ("sa-east-1", {}, "s3.sa-east-1.amazonaws.com"),
        # Regions opened after March 2019, which the global host does not serve.
        ("af-south-1", {}, "s3.af-south-1.amazonaws.com"),
        ("mx-central-1", {}, "s3.mx-central-1.amazonaws.com"),
        # Other partitions.
        ("us-gov-west-1", {}, "s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", {}, "s3.cn-north-1.amazonaws.com.cn"),
        ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "s3-fips.us-east-1.amazonaws.com"),
        ("sa-east-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "s3.dualstack.sa-east-1.amazonaws.com"),
        (
            "sa-east-1",
            {"AWS_ENDPOINT_URL": "http://localhost:9000", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "s3.sa-east-1.amazonaws.com",
        ),
    ],
)
def test_link_names_the_regional_host_of_the_bucket(
    monkeypatch: pytest.MonkeyPatch, region: str, variables: dict[str, str], host: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    link = urlsplit(s3.link(NAME, 900))

    assert (link.scheme, link.netloc, link.path) == ("https", f"{BUCKET}.{host}", f"/{NAME}")
    assert scope(link.query) == [region, "s3", "aws4_request"]
    assert parse_qs(link.query)["X-Amz-SignedHeaders"] == ["host"]


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:5000", "http://localhost:4566", "http://minio:9000"])
def test_link_to_a_custom_endpoint_has_the_bucket_in_its_path(
    monkeypatch: pytest.MonkeyPatch, name: str, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    monkeypatch.setenv(name, endpoint)

    link = urlsplit(s3.link(NAME, 900))

    assert (f"{link.scheme}://{link.netloc}", link.path) == (endpoint, f"/{BUCKET}/{NAME}")
    assert scope(link.query) == ["sa-east-1", "s3", "aws4_request"]


def scope(query: str) -> list[str]:
    """Return the scope of a version 4 signature without key and day."""
    (credential,) = parse_qs(query)["X-Amz-Credential"]
    return credential.split("/")[2:]
