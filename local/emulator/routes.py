"""Read routes and gateway responses of the REST API from template.yaml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.template import Properties, Template

_API: Final = "AWS::Serverless::Api"


@dataclass(frozen=True, slots=True)
class Route:
    """Method of a resource. `authorizer` is the logical id of the authorizer function; None for a public route."""

    method: str
    resource: str
    function: str
    authorizer: str | None

    @property
    def segments(self) -> list[str]:
        return self.resource.split("/")


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """Response that API Gateway itself returns. Values can refer to variables of the request context."""

    status: int
    headers: dict[str, str]
    body: str

    def of(self, request_id: str) -> tuple[int, dict[str, str], str]:
        headers = {name: self._value(value, request_id) for name, value in self.headers.items()}
        return self.status, headers, self.body.replace("$context.requestId", request_id)

    @staticmethod
    def _value(value: str, request_id: str) -> str:
        return request_id if value == "context.requestId" else value.strip("'")


# API Gateway's default statuses, for responses without a status in the template.
_STATUS: Final = {
    "DEFAULT_4XX": 400,
    "DEFAULT_5XX": 500,
    "AUTHORIZER_FAILURE": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "BAD_GATEWAY": 502,
}


class RestApi:
    """REST API: its routes, and the responses that come from no function."""

    def __init__(self, template: Template) -> None:
        ((self._logical_id, self._properties),) = template.resources(_API)
        self._template = template
        self.stage: str = template.resolve(self._properties["StageName"])
        authorizers: dict[str, Properties] = self._properties["Auth"]["Authorizers"]
        self._default_authorizer: str = self._properties["Auth"]["DefaultAuthorizer"]
        self._authorizers = {name: _function_of(each["FunctionArn"]) for name, each in authorizers.items()}
        identity: Properties = authorizers[self._default_authorizer]["Identity"]
        self.identity_header: str = identity["Header"]
        self.authorizer_ttl_s: int = identity["ReauthorizeEvery"]
        self.routes = list(self._find_routes())

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route and its path parameters. As in API Gateway, a literal segment wins over a parameter."""
        segments = path.rstrip("/").split("/")
        matches = [
            (route, parameters)
            for route in self.routes
            if route.method == method and (parameters := _parameters(route, segments)) is not None
        ]
        return min(matches, key=lambda found: len(found[1]), default=None)

    def has_resource(self, path: str) -> bool:
        segments = path.rstrip("/").split("/")
        return any(_parameters(route, segments) is not None for route in self.routes)

    def preflight(self) -> dict[str, str]:
        """Return the headers of the response to OPTIONS, the same for every resource."""
        cors: dict[str, str] = self._template.resolve(self._properties["Cors"])
        names = {
            "AllowOrigin": "Access-Control-Allow-Origin",
            "AllowMethods": "Access-Control-Allow-Methods",
            "AllowHeaders": "Access-Control-Allow-Headers",
            "MaxAge": "Access-Control-Max-Age",
        }
        return {names[name]: value.strip("'") for name, value in cors.items()}

    def gateway_response(self, kind: str) -> GatewayResponse:
        """Return the response of a kind, or the default of its class (4XX or 5XX) if the template has none."""
        declared: Properties = self._properties["GatewayResponses"]
        status = _STATUS.get(kind)
        default = "DEFAULT_4XX" if status is not None and status < 500 else "DEFAULT_5XX"
        response: dict[str, Any] = self._template.resolve(declared.get(kind) or declared[default])
        return GatewayResponse(
            status=int(response.get("StatusCode") or status or 500),
            headers=response["ResponseParameters"]["Headers"],
            body=response["ResponseTemplates"]["application/json"],
        )

    def _find_routes(self) -> Iterator[Route]:
        for logical_id, properties in self._template.functions().items():
            events: dict[str, Properties] = properties.get("Events", {})
            for event in events.values():
                if event["Type"] == "Api":
                    api_event: Properties = event["Properties"]
                    name: str = api_event.get("Auth", {}).get("Authorizer", self._default_authorizer)
                    authorizer = None if name == "NONE" else self._authorizers[name]
                    yield Route(str(api_event["Method"]).upper(), api_event["Path"], logical_id, authorizer)


def _function_of(alias: Mapping[str, str]) -> str:
    """Return the logical id of a function from a reference to its alias."""
    return alias["Ref"].removesuffix(".Alias")


def _parameters(route: Route, segments: list[str]) -> dict[str, str] | None:
    if len(route.segments) != len(segments):
        return None
    found: dict[str, str] = {}
    for pattern, segment in zip(route.segments, segments, strict=True):
        if pattern.startswith("{") and segment:
            found[pattern.strip("{}")] = segment
        elif pattern != segment:
            return None
    return found
