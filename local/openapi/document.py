"""docs/openapi.json, made of template.yaml's routes and of what their handlers tell of themselves.

https://spec.openapis.org/oas/v3.1.1
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAliasType, cast, get_type_hints

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from local.emulator.routes import RestApi
from local.openapi.failures import PROBLEM, Problem, failures
from local.template import ROOT, Template
from nexus_ai.http.endpoint import Handler, Operation
from nexus_ai.platform.caller import Role

EXAMPLES: Final = ROOT / "docs" / "examples"
EVENTS: Final = ROOT / "events"
# What every deployment has and says nothing about the API.
_PARAMETERS: Final[dict[str, str]] = dict.fromkeys(("TokenIssuer", "TokenAudience", "TokenJwksUrl"), "-")
_REF: Final = "#/components/schemas/{model}"
_DESCRIPTION: Final = """The AI service of a CRM that many companies share. Tenant, user and roles come from the bearer
token alone. Money is US dollars with at most six decimals, times are ISO 8601 in UTC unless they are called local, and
what is unknown is null. Errors are RFC 9457 problem documents whose `code` is what programs branch on."""


@dataclass(frozen=True, slots=True)
class Described:
    """A route of the API: its place, its function's folder, and what its handler tells."""

    method: str
    path: str
    name: str
    operation: Operation
    summary: str

    @property
    def reaches_providers(self) -> bool:
        return "/ai-assistant/" in self.path

    @property
    def answer(self) -> type[BaseModel]:
        hint: Any = get_type_hints(self.operation.function)["return"]
        return cast("type[BaseModel]", hint.__value__ if isinstance(hint, TypeAliasType) else hint)


def described(template: Template, api: RestApi) -> Iterator[Described]:
    """Every route, in the order of template.yaml."""
    functions = template.functions()
    for route in api.routes:
        folder = Path(functions[route.function]["CodeUri"]).name
        module = import_module(f"functions.{folder}.app")
        handler = cast("Handler", module.handler)
        title = (module.__doc__ or "").strip().partition("\n")[0]
        summary = title.partition(": ")[2] or title
        yield Described(route.method, route.resource, folder, handler.operation, summary[:1].upper() + summary[1:])


def document() -> dict[str, Any]:
    """The whole description, as JSON values."""
    template = Template(_PARAMETERS, region="us-east-1")
    api = RestApi(template)
    routes = list(described(template, api))
    schemas = _schemas(routes)
    ends = {end["code"]: end for route in routes for end in failures(route.name, route.operation, api)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, api)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Nexus AI", "version": _version(), "description": _DESCRIPTION.replace("\n", " ")},
        "servers": [{"url": "/", "description": "What comes before /api is the deployment's own address."}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, "Problem": PROBLEM},
            "examples": {code: {"value": ends[code]} for code in sorted(ends)},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "headers": {
                "X-Request-Id": {
                    "description": "The id of the request, as in its audit record.",
                    "schema": {"type": "string"},
                },
                "Retry-After": {
                    "description": "Whole seconds, at least 1.",
                    "schema": {"type": "integer", "minimum": 1},
                },
            },
        },
    }


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


_TAGS: Final = {
    "assistant": "What the models write.",
    "administration": "What a company sets up, and what it used.",
    "service": "The state of the service.",
}


class _Schemas:
    """The models' schemas, and where each is."""

    def __init__(
        self, places: Mapping[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]], components: Any
    ) -> None:
        self._places = places
        self.components: dict[str, Any] = components

    def of(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        return self._places[model, mode]

    def members(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        """The schema itself, where `of` names its place."""
        found = self.of(model, mode)
        return self.components[found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def _schemas(routes: list[Described]) -> _Schemas:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for route in routes:
        taken: list[type[BaseModel] | None] = [route.operation.path, route.operation.query, route.operation.body]
        wanted.extend((each, "validation") for each in taken if each)
        wanted.append((route.answer, "serialization"))
    places, together = models_json_schema(wanted, by_alias=True, ref_template=_REF)
    return _Schemas(cast("Any", places), together.get("$defs", {}))


def _operation(route: Described, schemas: _Schemas, api: RestApi) -> dict[str, Any]:
    operation = route.operation
    told: dict[str, Any] = {
        "operationId": route.name,
        "tags": [_tag(route)],
        "summary": route.summary,
        "description": _description(operation, schemas),
        "parameters": [*_parameters(route, schemas), *_headers(route)],
        "responses": {str(operation.status): _answer(route, schemas), **_failures(route, api)},
    }
    if operation.role is None:
        told["security"] = []
    if operation.body:
        told["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schemas.of(operation.body, "validation"),
                    "example": json.loads(_event(route)["body"]),
                }
            },
        }
    return told


def _tag(route: Described) -> str:
    if route.operation.role is None:
        return "service"
    return "assistant" if route.reaches_providers else "administration"


def _description(operation: Operation, schemas: _Schemas) -> str:
    """Who may ask, and what is particular to the query, which has no schema of its own here."""
    query = schemas.members(operation.query, "validation").get("description", "") if operation.query else ""
    return " ".join([_who(operation.role), *query.split()])


def _who(role: Role | None) -> str:
    match role:
        case None:
            return "Public."
        case Role.ADMIN:
            return "For administrators."
        case Role.USER:
            return "For every user."


def _parameters(route: Described, schemas: _Schemas) -> Iterator[dict[str, Any]]:
    event = _event(route)
    for place, model, given in (
        ("path", route.operation.path, cast("dict[str, str]", event.get("pathParameters") or {})),
        ("query", route.operation.query, cast("dict[str, str]", event.get("queryStringParameters") or {})),
    ):
        if model is None:
            continue
        members = schemas.members(model, "validation")
        for name, schema in members.get("properties", {}).items():
            parameter = {
                "name": name,
                "in": place,
                "required": name in members.get("required", ()),
                "schema": schema,
            }
            if name in given:
                # In an event every parameter is a text.
                parameter["example"] = int(given[name]) if schema.get("type") == "integer" else given[name]
            yield parameter


def _headers(route: Described) -> Iterator[dict[str, Any]]:
    """What a request that reaches a provider may say beside its body."""
    if not route.reaches_providers:
        return
    yield {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same request under the same key is carried out once; a UUID. Kept for a day.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        "example": "0199f2c1-7a2f-7c54-9d5e-0b6a2f1c3d4e",
    }
    yield {
        "name": "Cache-Control",
        "in": "header",
        "description": "`no-cache` asks for a fresh answer, `no-store` for one that is not kept.",
        "schema": {"type": "string", "enum": ["no-cache", "no-store"]},
        "example": "no-cache",
    }


def _answer(route: Described, schemas: _Schemas) -> dict[str, Any]:
    content = {"schema": schemas.of(route.answer, "serialization"), "example": example(route)}
    return {
        "description": "The answer.",
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
        "content": {"application/json": content},
    }


def _failures(route: Described, api: RestApi) -> dict[str, Any]:
    """Each status with all the ends that have it."""
    by_status: dict[int, list[Problem]] = {}
    for problem in failures(route.name, route.operation, api):
        by_status.setdefault(problem["status"], []).append(problem)
    told: dict[str, Any] = {}
    for status, problems in sorted(by_status.items()):
        headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
        if status in {409, 429, 503}:
            headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
        told[str(status)] = {
            "description": "; ".join(problem["title"] for problem in problems) + ".",
            "headers": headers,
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {
                        problem["code"]: {"$ref": f"#/components/examples/{problem['code']}"} for problem in problems
                    },
                }
            },
        }
    return told


def example(route: Described) -> Any:
    """An answer of the route, as docs/examples/ has it."""
    return json.loads((EXAMPLES / f"{route.name}.json").read_text("utf-8"))


def _event(route: Described) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads((EVENTS / f"{route.name}.json").read_text("utf-8")))


def _version() -> str:
    import tomllib

    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])
