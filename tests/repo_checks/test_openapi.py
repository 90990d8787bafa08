"""Test that docs/openapi.json is generated from the code, and that its examples match their schemas."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from local.openapi.document import text
from local.openapi.reference import COMMITTED
from nexus_ai.platform.errors import NexusError

DOCUMENT: dict[str, Any] = json.loads(COMMITTED.read_text("utf-8"))


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def examples() -> Iterator[Any]:
    for name, operation in operations():
        for parameter in operation["parameters"]:
            if "example" in parameter:
                yield pytest.param(parameter["schema"], parameter["example"], id=f"{name} {parameter['name']}")
        contents = [("body", operation.get("requestBody", {}).get("content", {}))]
        contents += [(status, response["content"]) for status, response in operation["responses"].items()]
        for place, content in contents:
            for media in content.values():
                if "example" in media:
                    yield pytest.param(media["schema"], media["example"], id=f"{name} {place}")
    for code, example in DOCUMENT["components"]["examples"].items():
        yield pytest.param({"$ref": "#/components/schemas/Problem"}, example["value"], id=code)


def test_committed_openapi_document_is_up_to_date() -> None:
    assert COMMITTED.read_text("utf-8") == text(), "docs/openapi.json is out of date: make openapi"


def test_schema_names_are_chosen_and_unique() -> None:
    """Pydantic derives a name from a module's path or a type parameter if a class name is not unique or is generic."""
    assert [name for name in DOCUMENT["components"]["schemas"] if not re.fullmatch("([A-Z][a-z0-9]*)+", name)] == []


@pytest.mark.parametrize(("schema", "example"), list(examples()))
def test_every_example_matches_its_schema(schema: dict[str, Any], example: object) -> None:
    schema_with_components = {**schema, "components": DOCUMENT["components"]}
    jsonschema_rs.validator_for(schema_with_components, validate_formats=True).validate(example)


def test_every_operation_has_request_and_response_examples() -> None:
    for name, operation in operations():
        responses = [response for status, response in operation["responses"].items() if status.startswith("2")]
        assert [response["content"]["application/json"]["example"] for response in responses], name
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["example"], name


def test_every_error_code_has_an_example() -> None:
    classes = [NexusError]
    for error in classes:
        classes += error.__subclasses__()
    assert {error.code for error in classes} - DOCUMENT["components"]["examples"].keys() == set()
