"""The models that a key may use, as each vendor lists them: one call, this call's key, and only what writes text."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from nexus_ai.providers.base import FailureKind, OfferedModel, Provider, ProviderFailure, ProviderName
from tests.contract.adapters import KEY
from tests.contract.wire import Payload, Wire, answers, holds, payload

LISTS: Final = Path(__file__).parent / "models"
JSON: Final = {"content-type": "application/json"}


def documented(name: ProviderName) -> dict[str, Any]:
    """A file of models/: where the list is, what the vendor sends, and what is made of it."""
    found: dict[str, Any] = json.loads((LISTS / f"{name.value}.json").read_bytes())
    return found


def said(body: bytes) -> Payload:
    return Payload(200, JSON, body, {})


def listed(adapter: Provider, timeout_s: float = 10) -> list[OfferedModel]:
    return adapter.list_models(api_key=KEY, timeout_s=timeout_s)


def test_the_list_has_what_writes_text_and_its_context(adapter: Provider, name: ProviderName, vendor: Wire) -> None:
    document = documented(name)
    vendor.plays(answers(said(json.dumps(document["body"]).encode())))

    models = listed(adapter)

    assert [[model.id, model.context_tokens] for model in models] == document["expect"]
    (request,) = vendor.asked
    assert (request.method, request.target) == ("GET", document["target"])


def test_the_key_stands_in_one_header_and_nowhere_else(adapter: Provider, name: ProviderName, vendor: Wire) -> None:
    vendor.plays(answers(said(json.dumps(documented(name)["body"]).encode())))

    listed(adapter)

    (request,) = vendor.asked
    assert [value.removeprefix("Bearer ") for value in request.headers.values() if KEY in value] == [KEY]
    assert KEY not in request.target


@pytest.mark.parametrize(
    "answer", ["error_401", "error_403", "error_404", "error_429", "error_500", "not_json", "error_page"]
)
def test_a_failure_is_told_as_that_of_an_answer_is(
    adapter: Provider, name: ProviderName, vendor: Wire, answer: str
) -> None:
    failing = payload(name, answer)
    vendor.plays(answers(failing))

    with pytest.raises(ProviderFailure) as caught:
        listed(adapter)

    assert caught.value.kind.value == failing.expect["kind"]
    assert str(caught.value) == failing.expect["kind"]


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b'{"data": 1, "models": 1}', b'{"data": [{"id": 7}], "models": [{"name": 7}]}']
)
def test_a_body_of_another_shape_is_malformed(adapter: Provider, vendor: Wire, body: bytes) -> None:
    vendor.plays(answers(said(body)))

    with pytest.raises(ProviderFailure) as caught:
        listed(adapter)

    assert caught.value.kind is FailureKind.MALFORMED


def test_a_vendor_that_never_answers_costs_its_time_and_no_more(adapter: Provider, vendor: Wire) -> None:
    vendor.plays(holds())

    with pytest.raises(ProviderFailure) as caught:
        listed(adapter, timeout_s=0.2)

    assert caught.value.kind is FailureKind.TIMEOUT
