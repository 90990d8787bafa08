"""The context of TLS that connections to providers and to AWS share."""

import ssl
from pathlib import Path

import certifi
import pytest

from nexus_ai.core import tls
from nexus_ai.providers import registry
from nexus_ai.providers.base import ProviderName
from nexus_ai.storage.connections import Pool

ONE = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
NAMED = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMED, "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def used(url: str) -> ssl.SSLContext:
    pool = Pool(url, connect_timeout_s=1, read_timeout_s=1, connections=1)
    context: ssl.SSLContext = pool._pool.conn_kw["ssl_context"]  # pyright: ignore[reportPrivateUsage]
    return context


def test_all_connections_share_one_that_checks_names_and_certificates() -> None:
    assert used("https://a.example") is used("https://b.example") is tls.aws() is tls.vendors()
    assert (tls.aws().verify_mode, tls.aws().check_hostname) == (ssl.CERT_REQUIRED, True)
    assert tls.aws().minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("named", NAMED)
def test_other_authorities_are_taken_where_they_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str
) -> None:
    (tmp_path / "one.pem").write_text(ONE[0] + ONE[1])
    monkeypatch.setenv(named, str(tmp_path / "one.pem"))

    found = {"vendors": len(tls.vendors().get_ca_certs()), "aws": len(tls.aws().get_ca_certs())}

    assert {who for who, number in found.items() if number == 1} == {"vendors" if named == "SSL_CERT_FILE" else "aws"}


@pytest.mark.usefixtures("stack")
def test_no_sdk_reads_the_authorities_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    tls.vendors()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("authorities are read")

    monkeypatch.setattr(registry, "_made", {})
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", refuse)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", refuse)
    for name in ProviderName:
        registry.get_provider(name)
