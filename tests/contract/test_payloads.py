"""What each adapter makes of everything that its vendor is known to send, over real HTTP."""

import traceback
from typing import Any, Final, cast

import pytest

from nexus_ai.providers import registry
from nexus_ai.providers.base import Completion, FailureKind, FinishReason, ProviderFailure, ProviderName, TokenUsage
from tests.contract.adapters import STRUCTURED, Called
from tests.contract.wire import PAYLOADS, Payload, Wire, answers, payload, payload_names

# What every provider needs a payload for; its status, where it is the same for all, is part of the name.
REQUIRED: Final = frozenset(
    {
        "text", "structured", "cached", "length", "no_usage",
        "error_400", "error_401", "error_402", "error_403", "error_404", "error_408", "error_413", "error_422",
        "error_429", "error_500", "error_502", "error_503", "error_529", "error_page", "context", "no_credit",
        "error_in_body", "blocked", "empty", "malformed", "not_json", "null", "wrong_shape", "wrong_types",
    }
)  # fmt: skip
# The kinds that a payload of this name has at every provider, whatever its file says.
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
# What may stand in the place of an error's body, and of any part of an answer.
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
VENDORS_WORDS: Final = "secret words of the vendor"

every_payload = pytest.mark.parametrize(
    ("name", "file"), [pytest.param(*each, id=f"{each[0].value}-{each[1]}") for each in EVERY], indirect=["name"]
)
every_error_status = pytest.mark.parametrize("status", [100 * hundreds + 18 for hundreds in (4, 5)] + [504, 599])


def test_every_row_of_the_registry_has_payloads_and_no_others_have() -> None:
    assert {path.name for path in PAYLOADS.iterdir() if path.is_dir()} == {name.value for name in registry.REGISTRY}


@pytest.mark.parametrize("provider", list(registry.REGISTRY))
def test_every_provider_has_a_payload_for_every_case(provider: ProviderName) -> None:
    assert REQUIRED - set(payload_names(provider)) == set()


@pytest.mark.parametrize("provider", list(registry.REGISTRY))
def test_what_is_expected_of_a_payload_is_the_same_for_all_providers(provider: ProviderName) -> None:
    assert {file: payload(provider, file).expect["kind"] for file in KINDS} == {
        file: kind.value for file, kind in KINDS.items()
    }
    assert int(payload(provider, "error_429").expect["retry_after_s"]) == 7


@every_payload
def test_an_adapter_makes_of_a_payload_what_is_expected_and_asks_once(called: Called, vendor: Wire, file: str) -> None:
    said = payload(called.name, file)
    vendor.plays(answers(said))

    if "kind" in said.expect:
        assert _told(called.failure(STRUCTURED)) == _failure_in(said)
    else:
        assert called.complete(STRUCTURED) == _completion_in(said)

    assert len(vendor.asked) == 1


@every_payload
def test_the_vendors_words_stay_out_of_a_failure(called: Called, vendor: Wire, file: str) -> None:
    vendor.plays(answers(payload(called.name, file)))

    try:
        text = repr(called.complete())
    except ProviderFailure as failure:
        text = "".join(traceback.format_exception(failure)) + repr(failure.args)

    assert VENDORS_WORDS not in text


@pytest.mark.parametrize("provider", list(registry.REGISTRY))
def test_the_errors_hold_words_of_the_vendor_that_could_leave(provider: ProviderName) -> None:
    errors = [payload(provider, file) for file in KINDS]
    assert all(VENDORS_WORDS in said.body.decode() for said in errors if said.status >= 400)


@every_error_status
def test_a_status_that_no_vendor_documents_is_told_by_its_hundreds(called: Called, vendor: Wire, status: int) -> None:
    vendor.plays(answers(Payload(status, {}, b"{}", {})))

    failure = called.failure()

    assert failure.kind is (FailureKind.BAD_REQUEST if status < 500 else FailureKind.SERVER_ERROR)
    assert failure.status == status


@pytest.mark.parametrize("file", ["error_400", "error_429", "error_in_body"])
def test_an_error_of_another_shape_is_told_by_its_status(called: Called, vendor: Wire, file: str) -> None:
    said = payload(called.name, file)
    for odd in ODD_ERRORS:
        vendor.plays(answers(said.with_content(odd)))
        kind = called.failure().kind
        assert kind in ({KINDS[file]} if said.status >= 400 else {FailureKind.MALFORMED, FailureKind.ERROR_IN_BODY})


def test_no_damage_to_an_answer_gets_past_the_adapter(called: Called, vendor: Wire) -> None:
    """Each member of an answer by itself is left out, nulled, or of another type."""
    said = payload(called.name, "cached")

    for damaged in _damaged(said.content):
        vendor.plays(answers(said.with_content(damaged)))
        assert _outcome(called) in {"text", FailureKind.MALFORMED, FailureKind.EMPTY}


def test_a_member_that_no_version_had_yet_is_no_reason_to_refuse_an_answer(called: Called, vendor: Wire) -> None:
    said = payload(called.name, "text")
    vendor.plays(answers(said.with_content({**said.content, "of_tomorrow": {"a": [1, None]}})))

    assert called.complete() == _completion_in(said)


def _completion_in(said: Payload) -> Completion:
    expect = dict(said.expect)
    usage = expect.pop("usage", None)
    finish_reason = FinishReason(expect.pop("finish_reason"))
    return Completion(**expect, finish_reason=finish_reason, usage=TokenUsage(**usage) if usage else None)


def _failure_in(said: Payload) -> dict[str, Any]:
    expect = said.expect
    usage = expect.get("usage")
    return {
        "kind": FailureKind(expect["kind"]),
        "status": expect["status"],
        "retry_after_s": expect.get("retry_after_s"),
        "usage": TokenUsage(**usage) if usage else None,
        "sent": True,
    }


def _told(failure: ProviderFailure) -> dict[str, Any]:
    return {name: getattr(failure, name) for name in ("kind", "status", "retry_after_s", "usage", "sent")}


def _outcome(called: Called) -> str:
    try:
        return "text" if called.complete().text.strip() else "no text"
    except ProviderFailure as failure:
        return failure.kind


def _damaged(content: Any) -> list[Any]:
    """Copies of a JSON value, each with one part of it damaged."""
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
