"""Routes of the local stack only: issue tokens, list e-mails, run scheduled jobs, show documents and variables."""

import json
import mimetypes
from collections.abc import Callable, Iterable, Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from local.dev import docs_site
from local.dev.demo import DemoTenants
from local.dev.issuer import Issuer
from local.emulator.functions import FunctionFailed, FunctionTimedOut
from local.openapi.reference import COMMITTED, PAGE, asset
from nexus_ai.platform.caller import TENANT_PATTERN, USER_PATTERN
from nexus_ai.platform.errors import NexusError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

VARIABLES: Final = "/local/variables"
_PREFIX: Final = "/local/"
_DESCRIPTION: Final = "/openapi.json"
_DOCS: Final = "/docs"
_REFERENCE: Final = "/docs/reference"
_BODY_LIMIT: Final = 64 * 1024
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET,POST,OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
}


class TokenRequest(BaseModel):
    """Claims of a token. Any roles are accepted, because the authorizer decides which of them count."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)

    tenant_id: str = Field(pattern=TENANT_PATTERN)
    user_id: str = Field(pattern=USER_PATTERN)
    roles: list[str] = Field(max_length=20)


def is_own(path: str) -> bool:
    """Return True if OwnRoutes serves the path and not the API."""
    return path.startswith((_PREFIX, f"{_DOCS}/")) or path in {_DESCRIPTION, _DOCS}


class OwnRoutes:
    """WSGI application for every path for which `is_own` is true.

    Args:
        issuer: Signs the tokens.
        tenants: Configures a tenant when its first token is issued.
        mails: Returns moto's messages, oldest first.
        tick: Runs the scheduled jobs, and raises FunctionFailed and FunctionTimedOut.
        variables: Returns the environment of a function in another process.
    """

    def __init__(
        self,
        issuer: Issuer,
        tenants: DemoTenants,
        mails: Callable[[], list[Any]],
        tick: Callable[[], object],
        variables: Callable[[], Mapping[str, str]],
    ) -> None:
        self._issuer = issuer
        self._tenants = tenants
        self._mails = mails
        self._tick = tick
        self._variables = variables

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        response = self.answer(request)
        # No page in a browser has to know where AWS is.
        if request.path != VARIABLES:
            response.headers.extend(_CORS)
        return response(environ, start_response)

    def answer(self, request: Request) -> Response:
        match request.method, request.path:
            case "OPTIONS", _:
                return Response(status=204)
            case "POST", "/local/token":
                return self._token(request)
            case "POST", "/local/tick":
                return self._ticked()
            case "GET", "/local/mail":
                return _json({"items": [_mail(message) for message in reversed(self._mails())]})
            case "GET", path if path == VARIABLES:
                return _json(dict(self._variables()))
            case "GET", path if path == _DESCRIPTION:
                return Response(COMMITTED.read_bytes(), mimetype="application/json")
            case "GET", path if path == _DOCS or path.startswith(f"{_DOCS}/"):
                return _document(path)
            case _:
                return _problem(404, "not_found", "Not found")

    def _token(self, request: Request) -> Response:
        if (request.content_length or 0) > _BODY_LIMIT:
            return _problem(413, "body_too_large", "The body is larger than 64 KB")
        try:
            wanted = TokenRequest.model_validate_json(request.get_data())
        except ValidationError as error:
            return _invalid(error)
        try:
            self._tenants.welcome(wanted.tenant_id)
        except NexusError as error:
            return _problem(error.status, error.code, error.title)
        claims = self._issuer.claims(wanted.tenant_id, wanted.user_id, wanted.roles)
        return _json({"token": self._issuer.sign(claims)})

    def _ticked(self) -> Response:
        try:
            self._tick()
        except (FunctionFailed, FunctionTimedOut):
            return _problem(500, "schedule_failed", "The scheduled function failed: its log says why")
        return _json({"ran": True})


def _document(path: str) -> Response:
    """Return a file of the API reference or of the documentation site."""
    if path == _REFERENCE:
        return Response(PAGE, mimetype="text/html")
    found = (
        asset(path.removeprefix(f"{_REFERENCE}/"))
        if path.startswith(f"{_REFERENCE}/")
        else docs_site.file(path.removeprefix(_DOCS).removeprefix("/"))
    )
    if found is None:
        return _problem(404, "not_found", "Not found")
    if path == _DOCS or found.is_dir():
        # Links between the pages are relative, so a page needs its final slash.
        return redirect(f"{path}/")
    return Response(found.read_bytes(), mimetype=mimetypes.guess_type(found.name)[0] or "application/octet-stream")


def _invalid(error: ValidationError) -> Response:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid" or not faults[0]["loc"]:
        return _problem(400, "malformed_body", "The body is not a JSON object")
    errors = [
        {"field": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"], "type": fault["type"]}
        for fault in faults
    ]
    return _problem(422, "validation_failed", "The request is not valid", errors=errors)


def _problem(status: int, code: str, title: str, **extra: Any) -> Response:
    document = {"type": f"urn:nexus-ai:problem:{code}", "title": title, "status": status, "detail": title, "code": code}
    return _json(document | extra, status, "application/problem+json")


def _json(body: object, status: int = 200, mimetype: str = "application/json") -> Response:
    return Response(json.dumps(body), status, mimetype=mimetype)


def _mail(message: Any) -> dict[str, Any]:
    """Return a message of moto: a raw one is complete, a simple one has only its HTML."""
    if not hasattr(message, "raw_data"):
        recipients = [address for addresses in message.destinations.values() for address in addresses]
        return {"subject": message.subject, "recipients": recipients, "text": None, "html": message.body}
    parsed = message_from_bytes(message.raw_data.encode(), policy=policy)
    return {
        "subject": str(parsed["Subject"]),
        # moto names those of the envelope and of the header, one after another.
        "recipients": list(dict.fromkeys(message.destinations)),
        "text": _part(parsed, "plain"),
        "html": _part(parsed, "html"),
    }


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else None
