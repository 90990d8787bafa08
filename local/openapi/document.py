"""Generate docs/openapi.json from the routes in template.yaml and the declarations of their handlers.

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
# Parameters without a default, whose values do not affect the description.
_PARAMETERS: Final[dict[str, str]] = dict.fromkeys(("TokenIssuer", "TokenAudience", "TokenJwksUrl"), "-")
_REF: Final = "#/components/schemas/{model}"
_DESCRIPTION: Final = """The AI service of a multi-tenant CRM. Tenant, user and roles come only from the bearer token.
Amounts of money are US dollars with at most six decimals. Times are ISO 8601 in UTC unless the description says local
time. Unknown values are null. Errors are RFC 9457 problem documents: use their stable `code` to handle them in
programs."""


@dataclass(frozen=True, slots=True)
class RouteDescription:
    """Route of the API.

    Attributes:
        name: Folder of its function, which is also its operation id.
        operation: Declaration of its handler.
        summary: First line of the handler's module docstring.
    """

    method: str
    path: str
    name: str
    operation: Operation
    summary: str

    @property
    def reaches_providers(self) -> bool:
        return "/ai-assistant/" in self.path

    @property
    def response_model(self) -> type[BaseModel]:
        hint: Any = get_type_hints(self.operation.function)["return"]
        return cast("type[BaseModel]", hint.__value__ if isinstance(hint, TypeAliasType) else hint)


def describe_routes(template: Template, api: RestApi) -> Iterator[RouteDescription]:
    """Yield every route in the order of template.yaml."""
    functions = template.functions()
    for route in api.routes:
        folder = Path(functions[route.function]["CodeUri"]).name
        module = import_module(f"functions.{folder}.app")
        handler = cast("Handler", module.handler)
        title = (module.__doc__ or "").strip().partition("\n")[0]
        summary = title.partition(": ")[2] or title
        yield RouteDescription(
            route.method, route.resource, folder, handler.operation, summary[:1].upper() + summary[1:]
        )


def document() -> dict[str, Any]:
    """Return the whole description as JSON values."""
    template = Template(_PARAMETERS, region="us-east-1")
    api = RestApi(template)
    routes = list(describe_routes(template, api))
    schemas = _schemas(routes)
    problems = {each["code"]: each for route in routes for each in failures(route.name, route.operation, api)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, api)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Nexus AI", "version": _version(), "description": _DESCRIPTION.replace("\n", " ")},
        "servers": [{"url": "/", "description": "The address of the deployment, without /api."}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, "Problem": PROBLEM},
            "examples": {code: {"value": problems[code]} for code in sorted(problems)},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "headers": {
                "X-Request-Id": {
                    "description": "Id of the request. Its audit record has the same id.",
                    "schema": {"type": "string"},
                },
                "Retry-After": {
                    "description": "Seconds to wait before the next attempt: an integer of at least 1.",
                    "schema": {"type": "integer", "minimum": 1},
                },
            },
        },
    }


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


_TAGS: Final = {
    "assistant": "Completions by the providers' models.",
    "administration": "Settings, limits, usage, alerts and audit logs of a tenant.",
    "service": "State of the service.",
}


class _Schemas:
    """Schemas of the request and response models."""

    def __init__(
        self, places: Mapping[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]], components: Any
    ) -> None:
        self._places = places
        self.components: dict[str, Any] = components

    def of(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        return self._places[model, mode]

    def members(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        """Return the schema itself, even if `of` returns a reference to it."""
        found = self.of(model, mode)
        return self.components[found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def _schemas(routes: list[RouteDescription]) -> _Schemas:
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for route in routes:
        inputs: list[type[BaseModel] | None] = [route.operation.path, route.operation.query, route.operation.body]
        models.extend((each, "validation") for each in inputs if each)
        models.append((route.response_model, "serialization"))
    places, definitions = models_json_schema(models, by_alias=True, ref_template=_REF)
    return _Schemas(cast("Any", places), definitions.get("$defs", {}))


def _operation(route: RouteDescription, schemas: _Schemas, api: RestApi) -> dict[str, Any]:
    operation = route.operation
    described: dict[str, Any] = {
        "operationId": route.name,
        "tags": [_tag(route)],
        "summary": route.summary,
        "description": _description(operation, schemas),
        "parameters": [*_parameters(route, schemas), *_headers(route)],
        "responses": {str(operation.status): _success(route, schemas), **_failures(route, api)},
    }
    if operation.role is None:
        described["security"] = []
    if operation.body:
        described["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schemas.of(operation.body, "validation"),
                    "example": json.loads(_event(route)["body"]),
                }
            },
        }
    return described


def _tag(route: RouteDescription) -> str:
    if route.operation.role is None:
        return "service"
    return "assistant" if route.reaches_providers else "administration"


def _description(operation: Operation, schemas: _Schemas) -> str:
    """Return the required role, followed by the description of the query model, which has no component schema."""
    query = schemas.members(operation.query, "validation").get("description", "") if operation.query else ""
    return " ".join([_required_role(operation.role), *query.split()])


def _required_role(role: Role | None) -> str:
    match role:
        case None:
            return "Requires no token."
        case Role.ADMIN:
            return "Requires the admin role."
        case Role.USER:
            return "Available to every user."


def _parameters(route: RouteDescription, schemas: _Schemas) -> Iterator[dict[str, Any]]:
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
                # In an event every parameter is a string.
                parameter["example"] = int(given[name]) if schema.get("type") == "integer" else given[name]
            yield parameter


def _headers(route: RouteDescription) -> Iterator[dict[str, Any]]:
    """Yield the optional headers of a route that calls providers."""
    if not route.reaches_providers:
        return
    yield {
        "name": "Idempotency-Key",
        "in": "header",
        "description": (
            "A unique value for the request, such as a UUID. Repeating a request with the same key returns the first "
            "response and calls no provider again. Keys expire after one day."
        ),
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        "example": "0199f2c1-7a2f-7c54-9d5e-0b6a2f1c3d4e",
    }
    yield {
        "name": "Cache-Control",
        "in": "header",
        "description": "`no-cache` requests a new completion. `no-store` does not cache the completion.",
        "schema": {"type": "string", "enum": ["no-cache", "no-store"]},
        "example": "no-cache",
    }


def _success(route: RouteDescription, schemas: _Schemas) -> dict[str, Any]:
    content = {"schema": schemas.of(route.response_model, "serialization"), "example": example(route)}
    return {
        "description": "The request succeeded.",
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
        "content": {"application/json": content},
    }


def _failures(route: RouteDescription, api: RestApi) -> dict[str, Any]:
    """Return the error responses by status, each with an example per error code."""
    by_status: dict[int, list[Problem]] = {}
    for problem in failures(route.name, route.operation, api):
        by_status.setdefault(problem["status"], []).append(problem)
    responses: dict[str, Any] = {}
    for status, problems in sorted(by_status.items()):
        headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
        if status in {409, 429, 503}:
            headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
        responses[str(status)] = {
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
    return responses


def example(route: RouteDescription) -> Any:
    """Return the example response of the route from docs/examples/."""
    return json.loads((EXAMPLES / f"{route.name}.json").read_text("utf-8"))


def _event(route: RouteDescription) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads((EVENTS / f"{route.name}.json").read_text("utf-8")))


def _version() -> str:
    import tomllib

    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])
