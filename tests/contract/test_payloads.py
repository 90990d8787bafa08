"""Test each adapter over real HTTP with every documented or recorded response of its provider."""

import traceback
from typing import Any, Final, cast

import pytest

from nexus_ai.providers import registry
from nexus_ai.providers.base import Completion, FailureKind, FinishReason, ProviderFailure, ProviderName, TokenUsage
from tests.contract.adapters import STRUCTURED, AdapterClient
from tests.contract.wire import PAYLOADS, Payload, ProviderServer, payload, payload_names, responds

# Payloads that every provider needs. A status that is the same for all providers is part of the name.
REQUIRED: Final = frozenset(
    {
        "text", "structured", "cached", "length", "no_usage",
        "error_400", "error_401", "error_402", "error_403", "error_404", "error_408", "error_413", "error_422",
        "error_429", "error_500", "error_502", "error_503", "error_529", "error_page", "context", "no_credit",
        "error_in_body", "blocked", "empty", "malformed", "not_json", "null", "wrong_shape", "wrong_types",
    }
)  # fmt: skip
# Kinds that a payload of this name has at every provider.
KINDS: Final = {
    "error_400": FailureKind.BAD_REQUEST,
    "error_401": FailureKind.INVALID_KEY,
    "error_402": FailureKind.NO_CREDIT,
    "error_403": FailureKind.NO_PERMISSION,
    "error_404": FailureKind.MODEL_NOT_FOUND,
    "error_408": FailureKind.REQUEST_TIMEOUT,
    "error_413": FailureKind.CONTEXT_TOO_LONG,
    "error_422": FailureKind.UNPROCESSABLE,
    "error_429": FailureKind.RATE_LIMITED,
    "error_500": FailureKind.SERVER_ERROR,
    "error_502": FailureKind.SERVER_ERROR,
    "error_503": FailureKind.UNAVAILABLE,
    "error_529": FailureKind.OVERLOADED,
    "error_page": FailureKind.SERVER_ERROR,
    "context": FailureKind.CONTEXT_TOO_LONG,
    "no_credit": FailureKind.NO_CREDIT,
    "error_in_body": FailureKind.ERROR_IN_BODY,
    "blocked": FailureKind.BLOCKED,
    "empty": FailureKind.EMPTY,
    "malformed": FailureKind.MALFORMED,
    "not_json": FailureKind.MALFORMED,
    "null": FailureKind.MALFORMED,
    "wrong_shape": FailureKind.MALFORMED,
    "wrong_types": FailureKind.MALFORMED,
}
EVERY: Final = [(provider, file) for provider in ProviderName for file in payload_names(provider)]
# Odd values for the body of an error, and for any part of a completion.
ODD_ERRORS: Final[list[Any]] = [
    None,
    [],
    "",
    7,
    {},
    {"error": None},
    {"error": [1]},
    {"error": {"code": {}, "details": [7]}},
]
ODD_PARTS: Final[list[Any]] = [None, "", -7, 1.5, [], {"a": [7]}]
PROVIDER_TEXT: Final = "secret words of the vendor"  # codespell:ignore vendor

every_payload = pytest.mark.parametrize(
    ("name", "file"), [pytest.param(*each, id=f"{each[0].value}-{each[1]}") for each in EVERY], indirect=["name"]
)
every_error_status = pytest.mark.parametrize("status", [100 * hundreds + 18 for hundreds in (4, 5)] + [504, 599])


def test_payload_folders_match_the_registry() -> None:
    assert {path.name for path in PAYLOADS.iterdir() if path.is_dir()} == {name.value for name in registry.REGISTRY}


@pytest.mark.parametrize("provider", list(registry.REGISTRY))
def test_every_provider_has_a_payload_for_every_case(provider: ProviderName) -> None:
    assert REQUIRED - set(payload_names(provider)) == set()


@pytest.mark.parametrize("provider", list(registry.REGISTRY))
def test_expectations_are_the_same_for_all_providers(provider: ProviderName) -> None:
    assert {file: payload(provider, file).expect["kind"] for file in KINDS} == {
        file: kind.value for file, kind in KINDS.items()
    }
    assert int(payload(provider, "error_429").expect["retry_after_s"]) == 7


@every_payload
def test_payload_gives_the_expected_result_in_one_request(
    client: AdapterClient, server: ProviderServer, file: str
) -> None:
    response = payload(client.name, file)
    server.set_behaviour(responds(response))

    if "kind" in response.expect:
        assert _attributes(client.failure(STRUCTURED)) == _failure_in(response)
    else:
        assert client.complete(STRUCTURED) == _completion_in(response)

    assert len(server.requests) == 1


@every_payload
def test_text_of_the_provider_stays_out_of_a_failure(client: AdapterClient, server: ProviderServer, file: str) -> None:
    server.set_behaviour(responds(payload(client.name, file)))

    try:
        text = repr(client.complete())
    except ProviderFailure as failure:
        text = "".join(traceback.format_exception(failure)) + repr(failure.args)

    assert PROVIDER_TEXT not in text


@pytest.mark.parametrize("provider", list(registry.REGISTRY))
def test_error_payloads_contain_text_that_could_leak(provider: ProviderName) -> None:
    errors = [payload(provider, file) for file in KINDS]
    assert all(PROVIDER_TEXT in response.body.decode() for response in errors if response.status >= 400)


@every_error_status
def test_undocumented_status_is_classified_by_its_class(
    client: AdapterClient, server: ProviderServer, status: int
) -> None:
    server.set_behaviour(responds(Payload(status, {}, b"{}", {})))

    failure = client.failure()

    assert failure.kind is (FailureKind.BAD_REQUEST if status < 500 else FailureKind.SERVER_ERROR)
    assert failure.status == status


@pytest.mark.parametrize("file", ["error_400", "error_429", "error_in_body"])
def test_error_of_another_shape_is_classified_by_its_status(
    client: AdapterClient, server: ProviderServer, file: str
) -> None:
    response = payload(client.name, file)
    for odd in ODD_ERRORS:
        server.set_behaviour(responds(response.with_content(odd)))
        kind = client.failure().kind
        assert kind in ({KINDS[file]} if response.status >= 400 else {FailureKind.MALFORMED, FailureKind.ERROR_IN_BODY})


def test_damaged_response_is_malformed_or_empty(client: AdapterClient, server: ProviderServer) -> None:
    """Remove each member of a response in turn, set it to null, or give it another type."""
    response = payload(client.name, "cached")

    for damaged in _damaged(response.content):
        server.set_behaviour(responds(response.with_content(damaged)))
        assert _outcome(client) in {"text", FailureKind.MALFORMED, FailureKind.EMPTY}


def test_unknown_member_of_a_response_is_ignored(client: AdapterClient, server: ProviderServer) -> None:
    response = payload(client.name, "text")
    server.set_behaviour(responds(response.with_content({**response.content, "of_tomorrow": {"a": [1, None]}})))

    assert client.complete() == _completion_in(response)


def _completion_in(response: Payload) -> Completion:
    expect = dict(response.expect)
    usage = expect.pop("usage", None)
    finish_reason = FinishReason(expect.pop("finish_reason"))
    return Completion(**expect, finish_reason=finish_reason, usage=TokenUsage(**usage) if usage else None)


def _failure_in(response: Payload) -> dict[str, Any]:
    expect = response.expect
    usage = expect.get("usage")
    return {
        "kind": FailureKind(expect["kind"]),
        "status": expect["status"],
        "retry_after_s": expect.get("retry_after_s"),
        "usage": TokenUsage(**usage) if usage else None,
        "sent": True,
    }


def _attributes(failure: ProviderFailure) -> dict[str, Any]:
    return {name: getattr(failure, name) for name in ("kind", "status", "retry_after_s", "usage", "sent")}


def _outcome(client: AdapterClient) -> str:
    try:
        return "text" if client.complete().text.strip() else "no text"
    except ProviderFailure as failure:
        return failure.kind


def _damaged(content: Any) -> list[Any]:
    """Return copies of a JSON value, each with one part damaged."""
    damaged = [odd for odd in ODD_PARTS if odd != content]
    match content:
        case dict():
            members = cast("dict[str, Any]", content)
            for name, value in members.items():
                damaged.append({other: members[other] for other in members if other != name})
                damaged += [{**members, name: odd} for odd in _damaged(value)]
        case [first, *others]:
            damaged += [[odd, *others] for odd in _damaged(first)]
        case _:
            pass
    return damaged
