"""Test how the simulated providers fail, as the providers' own SDKs see it."""

import json
from collections.abc import Iterator

import anthropic
import groq
import httpx2
import openai
import pytest

from local.providers.behaviours import Answer, Behaviour, Drip, Fail, Raw, Reset
from local.providers.server import SimulatedProviders
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.provider_sdks import (
    COMPLETE_PATHS,
    KEY,
    SDK_ERRORS,
    ask,
    close_clients,
    complete,
    every_provider,
    post,
    send,
    status_of,
    text_of,
)

# Status, and the provider's name of the failure: error code, type, status or error_type.
STATUSES: dict[FailureKind, dict[ProviderName, tuple[int, str]]] = {
    kind: dict(zip(ProviderName, rows, strict=True))
    for kind, rows in {
        FailureKind.BAD_REQUEST: (
            (400, "invalid_request_error"),
            (400, "invalid_request_error"),
            (400, "INVALID_ARGUMENT"),
            (400, "invalid_request_error"),
            (400, "invalid_request"),
        ),
        FailureKind.INVALID_KEY: (
            (401, "invalid_api_key"),
            (401, "authentication_error"),
            (400, "API_KEY_INVALID"),
            (401, "invalid_api_key"),
            (401, "authentication"),
        ),
        FailureKind.NO_CREDIT: (
            (429, "insufficient_quota"),
            (402, "billing_error"),
            (400, "FAILED_PRECONDITION"),
            (400, "blocked_api_access"),
            (402, "payment_required"),
        ),
        FailureKind.NO_PERMISSION: (
            (403, "request_forbidden"),
            (403, "permission_error"),
            (403, "PERMISSION_DENIED"),
            (403, "permissions_error"),
            (403, "permission_denied"),
        ),
        FailureKind.MODEL_NOT_FOUND: (
            (404, "model_not_found"),
            (404, "not_found_error"),
            (404, "NOT_FOUND"),
            (404, "model_not_found"),
            (404, "not_found"),
        ),
        FailureKind.REQUEST_TIMEOUT: (
            (408, "request_timeout"),
            (408, "timeout_error"),
            (408, "DEADLINE_EXCEEDED"),
            (408, "invalid_request_error"),
            (408, "timeout"),
        ),
        FailureKind.CONTEXT_TOO_LONG: (
            (400, "context_length_exceeded"),
            (413, "request_too_large"),
            (413, "INVALID_ARGUMENT"),
            (400, "context_length_exceeded"),
            (400, "context_length_exceeded"),
        ),
        FailureKind.UNPROCESSABLE: (
            (422, "invalid_request_error"),
            (422, "invalid_request_error"),
            (422, "INVALID_ARGUMENT"),
            (422, "invalid_request_error"),
            (422, "unprocessable"),
        ),
        FailureKind.RATE_LIMITED: (
            (429, "rate_limit_exceeded"),
            (429, "rate_limit_error"),
            (429, "RESOURCE_EXHAUSTED"),
            (429, "rate_limit_exceeded"),
            (429, "rate_limit_exceeded"),
        ),
        FailureKind.SERVER_ERROR: (
            (500, "server_error"),
            (500, "api_error"),
            (500, "INTERNAL"),
            (500, "internal_server_error"),
            (502, "server"),
        ),
        FailureKind.UNAVAILABLE: (
            (503, "server_error"),
            (503, "api_error"),
            (503, "UNAVAILABLE"),
            (503, "service_unavailable"),
            (503, "provider_unavailable"),
        ),
        FailureKind.OVERLOADED: (
            (529, "overloaded"),
            (529, "overloaded_error"),
            (529, "UNAVAILABLE"),
            (529, "internal_server_error"),
            (529, "provider_overloaded"),
        ),
    }.items()
}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedProviders]:
    with SimulatedProviders() as providers:
        yield providers
    close_clients()


@pytest.fixture
def providers(server: SimulatedProviders) -> SimulatedProviders:
    server.reset()
    return server


@every_provider
@pytest.mark.parametrize("kind", list(STATUSES))
def test_failure_has_the_providers_status_and_code(
    providers: SimulatedProviders, name: ProviderName, kind: FailureKind
) -> None:
    providers.script(name, Fail(kind))
    with pytest.raises(SDK_ERRORS) as caught:
        ask(providers, name)
    status, code = STATUSES[kind][name]
    assert status_of(caught.value) == status
    body = getattr(caught.value, "body", None) or getattr(caught.value, "details", None)
    assert f"'{code}'" in repr(body)
    assert providers.count(name) == 1


def test_every_failure_kind_is_simulated_or_refused(providers: SimulatedProviders) -> None:
    connection = {FailureKind.TIMEOUT, FailureKind.RESET, FailureKind.UNREACHABLE}
    bodies = {FailureKind.MALFORMED, FailureKind.ERROR_IN_BODY, FailureKind.REDIRECT}
    without_text = {FailureKind.BLOCKED, FailureKind.EMPTY}
    assert STATUSES.keys() | connection | bodies | without_text == set(FailureKind)
    with pytest.raises(ValueError, match="unreachable"):
        Fail(FailureKind.UNREACHABLE)


@every_provider
def test_rate_limit_has_a_retry_time_as_the_provider_sends_it(
    providers: SimulatedProviders, name: ProviderName
) -> None:
    providers.script(name, Fail(FailureKind.RATE_LIMITED, retry_after_s=37), Fail(FailureKind.SERVER_ERROR))
    _, headers, body = complete(providers, name)
    if name is ProviderName.GOOGLE:
        details = json.loads(body)["error"]["details"]
        assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"} in details
    else:
        assert headers["retry-after"] == "37"
    _, headers, body = complete(providers, name)
    assert "retry-after" not in headers
    assert b"retryDelay" not in body


@every_provider
def test_malformed_body_has_status_200(providers: SimulatedProviders, name: ProviderName) -> None:
    providers.script(name, Fail(FailureKind.MALFORMED))
    status, headers, body = complete(providers, name)
    assert (status, headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(body)


@every_provider
def test_error_in_body_has_status_200(providers: SimulatedProviders, name: ProviderName) -> None:
    providers.script(name, Fail(FailureKind.ERROR_IN_BODY))
    status, _, body = complete(providers, name)
    assert status == 200
    assert json.loads(body)["error"]["message"] == "Simulated server_error."


@every_provider
def test_followed_redirect_is_recorded(providers: SimulatedProviders, name: ProviderName) -> None:
    providers.script(name, Fail(FailureKind.REDIRECT))
    status, headers, _ = complete(providers, name)
    assert (status, headers["location"]) == (307, COMPLETE_PATHS[name])
    providers.script(name, Fail(FailureKind.REDIRECT))
    ask(providers, name)
    assert providers.count(name) == 3


@every_provider
def test_timeout_hangs_until_the_client_disconnects(providers: SimulatedProviders, name: ProviderName) -> None:
    providers.script(name, Fail(FailureKind.TIMEOUT))
    with pytest.raises((openai.APITimeoutError, anthropic.APITimeoutError, groq.APITimeoutError, httpx2.ReadTimeout)):
        ask(providers, name, timeout=0.2)
    assert "simulado" in text_of(name, ask(providers, name))


@every_provider
@pytest.mark.parametrize("behaviour", [Fail(FailureKind.RESET), Reset(before_reading=True)])
def test_reset_breaks_the_connection(providers: SimulatedProviders, name: ProviderName, behaviour: Behaviour) -> None:
    providers.script(name, behaviour)
    connection_errors = (openai.APIConnectionError, anthropic.APIConnectionError, groq.APIConnectionError)
    with pytest.raises((*connection_errors, httpx2.TransportError)):
        ask(providers, name)
    body_was_read = providers.calls[0].body is not None
    assert body_was_read is not (isinstance(behaviour, Reset) and behaviour.before_reading)


def test_reset_is_a_tcp_reset(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.OPENAI, Reset())
    with pytest.raises(ConnectionResetError):
        complete(providers, ProviderName.OPENAI)


# About 450 bytes at 2 ms each take 0.9 s, more than the timeout of a single read.
def test_drip_outlasts_the_timeout_of_a_single_read(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.OPENAI, Drip(Answer(text="gota"), pause_s=0.002))
    assert text_of(ProviderName.OPENAI, ask(providers, ProviderName.OPENAI, timeout=0.6)) == "gota"


def test_raw_bytes_arrive_unchanged(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.GROQ, Raw(b"\xff\x00", status=418, headers={"x-own": "1"}))
    status, headers, body = complete(providers, ProviderName.GROQ)
    assert (status, headers["x-own"], body) == (418, "1", b"\xff\x00")
    assert "content-type" not in headers


def test_delayed_completion_reaches_a_waiting_client(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.GROQ, Answer(text="tarde", delay_s=0.05), Answer(delay_s=3600))
    assert text_of(ProviderName.GROQ, ask(providers, ProviderName.GROQ)) == "tarde"
    with pytest.raises(groq.APITimeoutError):
        ask(providers, ProviderName.GROQ, timeout=0.2)


@every_provider
@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("sk-invalid", FailureKind.INVALID_KEY),
        ("sk-no-credit", FailureKind.NO_CREDIT),
        ("sk-no-permission", FailureKind.NO_PERMISSION),
        ("sk-rate-limited", FailureKind.RATE_LIMITED),
    ],
)
def test_key_can_name_its_failure(
    providers: SimulatedProviders, name: ProviderName, key: str, kind: FailureKind
) -> None:
    with pytest.raises(SDK_ERRORS) as caught:
        ask(providers, name, key=key)
    assert status_of(caught.value) == STATUSES[kind][name][0]


@every_provider
def test_request_without_a_key_is_refused(providers: SimulatedProviders, name: ProviderName) -> None:
    status, _, body = post(providers, COMPLETE_PATHS[name], b"{}")
    expected, code = STATUSES[FailureKind.INVALID_KEY][name]
    assert status == expected
    assert code in body.decode()


@every_provider
def test_unknown_model_is_not_found(providers: SimulatedProviders, name: ProviderName) -> None:
    with pytest.raises(SDK_ERRORS) as caught:
        ask(providers, name, model="unknown-model")
    assert status_of(caught.value) == 404


@every_provider
@pytest.mark.parametrize("body", [b"{}", b"no json", b"[]", b'{"model": 1, "messages": [], "contents": []}'])
def test_malformed_request_is_a_bad_request(providers: SimulatedProviders, name: ProviderName, body: bytes) -> None:
    headers = {"x_goog_api_key": KEY, "authorization": f"Bearer {KEY}", "anthropic_version": "2023-06-01"}
    status, _, _ = post(providers, COMPLETE_PATHS[name], body, **headers)
    assert status == 400


def test_anthropic_needs_version_and_max_tokens(providers: SimulatedProviders) -> None:
    body = {"model": "claude-haiku-5-5", "messages": [{"role": "user", "content": "Oi"}]}
    path = COMPLETE_PATHS[ProviderName.ANTHROPIC]
    without_max = post(providers, path, json.dumps(body).encode(), x_api_key=KEY, anthropic_version="2023-06-01")
    with_max_tokens = json.dumps(body | {"max_tokens": 9}).encode()
    without_version = post(providers, path, with_max_tokens, x_api_key=KEY)
    good = post(providers, path, with_max_tokens, x_api_key=KEY, anthropic_version="2023-06-01")
    assert (without_max[0], without_version[0], good[0]) == (400, 400, 200)


def test_path_unknown_to_the_provider_is_not_found(providers: SimulatedProviders) -> None:
    assert send(providers, "GET", "/openai/v1/nothing", authorization=f"Bearer {KEY}")[0] == 404
    assert send(providers, "GET", "/unknown/v1/models")[0] == 404
