"""Test each provider's model list: one call with this call's key, and only models that write text."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from nexus_ai.providers.base import FailureKind, OfferedModel, Provider, ProviderFailure, ProviderName
from tests.contract.adapters import KEY
from tests.contract.wire import Payload, ProviderServer, hangs, payload, responds

LISTS: Final = Path(__file__).parent / "models"
JSON: Final = {"content-type": "application/json"}


def documented(name: ProviderName) -> dict[str, Any]:
    """Return a file of models/: the URL of the list, a documented response, and the expected models."""
    found: dict[str, Any] = json.loads((LISTS / f"{name.value}.json").read_bytes())
    return found


def json_response(body: bytes) -> Payload:
    return Payload(200, JSON, body, {})


def listed(adapter: Provider, timeout_s: float = 10) -> list[OfferedModel]:
    return adapter.list_models(api_key=KEY, timeout_s=timeout_s)


def test_list_has_text_models_with_their_context(adapter: Provider, name: ProviderName, server: ProviderServer) -> None:
    document = documented(name)
    server.set_behaviour(responds(json_response(json.dumps(document["body"]).encode())))

    models = listed(adapter)

    assert [[model.id, model.context_tokens] for model in models] == document["expect"]
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", document["target"])


def test_model_list_key_is_in_one_header_only(adapter: Provider, name: ProviderName, server: ProviderServer) -> None:
    server.set_behaviour(responds(json_response(json.dumps(documented(name)["body"]).encode())))

    listed(adapter)

    (request,) = server.requests
    assert [value.removeprefix("Bearer ") for value in request.headers.values() if KEY in value] == [KEY]
    assert KEY not in request.target


@pytest.mark.parametrize(
    "case", ["error_401", "error_403", "error_404", "error_429", "error_500", "not_json", "error_page"]
)
def test_failure_is_classified_as_for_a_completion(
    adapter: Provider, name: ProviderName, server: ProviderServer, case: str
) -> None:
    failing = payload(name, case)
    server.set_behaviour(responds(failing))

    with pytest.raises(ProviderFailure) as caught:
        listed(adapter)

    assert caught.value.kind.value == failing.expect["kind"]
    assert str(caught.value) == failing.expect["kind"]


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b'{"data": 1, "models": 1}', b'{"data": [{"id": 7}], "models": [{"name": 7}]}']
)
def test_body_of_another_shape_is_malformed(adapter: Provider, server: ProviderServer, body: bytes) -> None:
    server.set_behaviour(responds(json_response(body)))

    with pytest.raises(ProviderFailure) as caught:
        listed(adapter)

    assert caught.value.kind is FailureKind.MALFORMED


def test_silent_provider_costs_the_timeout_only(adapter: Provider, server: ProviderServer) -> None:
    server.set_behaviour(hangs())

    with pytest.raises(ProviderFailure) as caught:
        listed(adapter, timeout_s=0.2)

    assert caught.value.kind is FailureKind.TIMEOUT
