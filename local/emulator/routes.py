"""Routes and gateway responses of the REST API, as template.yaml has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.template import Properties, Template

_API: Final = "AWS::Serverless::Api"


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a resource. `authorizer` is the logical id of the function that is asked first."""

    method: str
    resource: str
    function: str
    authorizer: str | None

    @property
    def segments(self) -> list[str]:
        return self.resource.split("/")


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What API Gateway answers by itself. Values may name variables of the request's context."""

    status: int
    headers: dict[str, str]
    body: str

    def of(self, request_id: str) -> tuple[int, dict[str, str], str]:
        headers = {name: self._value(value, request_id) for name, value in self.headers.items()}
        return self.status, headers, self.body.replace("$context.requestId", request_id)

    @staticmethod
    def _value(value: str, request_id: str) -> str:
        return request_id if value == "context.requestId" else value.strip("'")


# The status of the responses that the template leaves at API Gateway's own.
_STATUS: Final = {
    "DEFAULT_4XX": 400,
    "DEFAULT_5XX": 500,
    "AUTHORIZER_FAILURE": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "BAD_GATEWAY": 502,
}


class RestApi:
    """One API: which route a request meets, and every answer that no function gives."""

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
        """The route and its path's parameters. A literal segment is preferred to a parameter, as in API Gateway."""
        segments = path.rstrip("/").split("/")
        met = [
            (route, parameters)
            for route in self.routes
            if route.method == method and (parameters := _parameters(route, segments)) is not None
        ]
        return min(met, key=lambda found: len(found[1]), default=None)

    def has_resource(self, path: str) -> bool:
        segments = path.rstrip("/").split("/")
        return any(_parameters(route, segments) is not None for route in self.routes)

    def preflight(self) -> dict[str, str]:
        """The headers with which OPTIONS is answered on every resource."""
        cors: dict[str, str] = self._template.resolve(self._properties["Cors"])
        names = {
            "AllowOrigin": "Access-Control-Allow-Origin",
            "AllowMethods": "Access-Control-Allow-Methods",
            "AllowHeaders": "Access-Control-Allow-Headers",
            "MaxAge": "Access-Control-Max-Age",
        }
        return {names[name]: value.strip("'") for name, value in cors.items()}

    def gateway_response(self, kind: str) -> GatewayResponse:
        """The response of a kind; one that the template has not is the default of its class."""
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
                    wired: Properties = event["Properties"]
                    name: str = wired.get("Auth", {}).get("Authorizer", self._default_authorizer)
                    authorizer = None if name == "NONE" else self._authorizers[name]
                    yield Route(str(wired["Method"]).upper(), wired["Path"], logical_id, authorizer)


def _function_of(alias: Mapping[str, str]) -> str:
    """Return the logical id of the function behind a reference to its alias."""
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
