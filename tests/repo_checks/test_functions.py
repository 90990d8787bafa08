"""Test that every function has a folder, a block in template.yaml, an event, a documented row and a test."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from local.emulator.routes import RestApi
from local.template import ROOT, Template
from tests.answered_events import answered_events

HANDLER_LINES = 60
PARAMETERS = {
    "TokenIssuer": "https://issuer.example",
    "TokenAudience": "nexus-ai",
    "TokenJwksUrl": "https://issuer.example/keys",
}
TEMPLATE = Template(PARAMETERS, region="us-east-1")
FOLDERS = sorted(path.parent for path in ROOT.glob("functions/*/app.py"))
FUNCTIONS = sorted(TEMPLATE.functions().items())


def name_of(folder: Path) -> str:
    return folder.name


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_function_folder_contains_only_its_handler(folder: Path) -> None:
    files = [path.name for path in folder.iterdir() if path.name != "__pycache__"]
    assert files == ["app.py"]
    assert len((folder / "app.py").read_text().splitlines()) <= HANDLER_LINES


def test_function_folders_match_the_template() -> None:
    blocks = {str(properties["CodeUri"]).rstrip("/") for _, properties in FUNCTIONS}
    assert blocks == {str(folder.relative_to(ROOT)) for folder in FOLDERS}
    assert {properties["Handler"] for _, properties in FUNCTIONS} == {"app.handler"}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_function_is_named_after_its_folder(folder: Path) -> None:
    blocks = {str(properties["CodeUri"]).rstrip("/"): name for name, properties in FUNCTIONS}
    expected = "".join(word.capitalize() for word in folder.name.split("_")) + "Function"
    assert blocks[str(folder.relative_to(ROOT))] == expected


def test_function_folders_match_the_events() -> None:
    events = {path.stem for path in ROOT.glob("events/*.json")}
    assert events == {folder.name for folder in FOLDERS}


def test_event_of_a_route_is_for_that_route() -> None:
    properties = dict(FUNCTIONS)
    for folder in FOLDERS:
        name = "".join(word.capitalize() for word in folder.name.split("_")) + "Function"
        wired: dict[str, Any] = properties[name].get("Events", {})
        event = json.loads((ROOT / "events" / f"{folder.name}.json").read_text())
        for route in (wire for wire in wired.values() if wire["Type"] == "Api"):
            assert event["httpMethod"] == route["Properties"]["Method"].upper()
            assert event["resource"] == route["Properties"]["Path"]


def test_local_stack_page_lists_each_function_and_event() -> None:
    events = {path.stem: json.loads(path.read_text()) for path in ROOT.glob("events/*.json")}
    routes = {
        name: f"`{event['httpMethod']} {event['resource']}`" for name, event in events.items() if "resource" in event
    }
    rows = answered_events()
    assert sorted(row.event for row in rows) == sorted(events)
    assert {row.logical_id for row in rows} == set(dict(FUNCTIONS))
    assert [row.event for row in rows if not row.about.startswith(routes.get(row.event, ""))] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_every_function_has_a_test_file_of_its_name(folder: Path) -> None:
    assert list((ROOT / "tests" / "integration").rglob(f"test_{folder.name}.py"))


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_handler_uses_no_aws_library_and_no_environment(folder: Path) -> None:
    used: set[str] = set()
    for node in ast.walk(ast.parse((folder / "app.py").read_text())):
        match node:
            case ast.Import(names=names):
                used |= {part for alias in names for part in alias.name.split(".")}
            case ast.ImportFrom(module=str(module), names=names):
                used |= {*module.split("."), *(alias.name for alias in names)}
            case ast.Name(id=name) | ast.Attribute(attr=name):
                used.add(name)
            case _:
                continue
    assert not used & {"boto3", "botocore", "environ", "getenv"}


def test_every_route_but_health_has_the_authorizer() -> None:
    routes = RestApi(TEMPLATE).routes
    assert routes
    assert {route.resource for route in routes if route.authorizer is None} == {"/api/health"}
    assert {route.authorizer for route in routes if route.authorizer} == {"AuthorizerFunction"}


def test_cors_preflight_has_no_authorizer() -> None:
    ((_, api),) = TEMPLATE.resources("AWS::Serverless::Api")
    assert api["Auth"]["AddDefaultAuthorizerToCorsPreflight"] is False
