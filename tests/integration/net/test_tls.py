"""Test the TLS context that connections to providers share."""

import ssl
from pathlib import Path

import certifi
import pytest

from nexus_ai.net import tls
from nexus_ai.providers import registry
from nexus_ai.providers.base import ProviderName

ONE = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")


@pytest.fixture(autouse=True)
def no_authority_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


def test_shared_context_checks_names_and_certificates() -> None:
    assert tls.provider_context() is tls.provider_context()
    assert (tls.provider_context().verify_mode, tls.provider_context().check_hostname) == (ssl.CERT_REQUIRED, True)
    assert tls.provider_context().minimum_version >= ssl.TLSVersion.TLSv1_2


def test_authorities_named_in_the_environment_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one.pem").write_text(ONE[0] + ONE[1])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "one.pem"))
    assert len(tls.provider_context().get_ca_certs()) == 1


@pytest.mark.usefixtures("stack")
def test_no_sdk_reads_the_authorities_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tls.provider_context()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("authorities are read")

    registry._adapter.cache_clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", refuse)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", refuse)
    for name in ProviderName:
        registry.get_provider(name)
