"""Call the deployment's API as an external client."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from ops.smoke.interruption import Interruption
from ops.smoke.options import Options
from ops.smoke.outcomes import CheckFailed

# API Gateway ends a request after 29 seconds.
TIMEOUT_S = 35
CONNECT_S = 10
RATE_LIMITS = "/api/marketing/ai/rate-limits"
PREFERENCES = "/api/marketing/ai/preferences"
FALLBACK = "/api/marketing/ai/fallback-config"
CONFIGS = "/api/marketing/ai/configs"
USAGE = "/api/marketing/ai/usage-stats"
AUDIT_LOGS = "/api/marketing/ai/audit-logs"


class NoResponse(CheckFailed):
    """Request without a response. It is unknown if the request was carried out."""


class Part(BaseModel):
    """Part of a response. Unknown fields are ignored, because the API may add fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Problem(Part):
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Response of the API. `request` is the method and the path of its request."""

    request: str
    status: int
    headers: httpx2.Headers
    text: str

    @property
    def request_id(self) -> str:
        """Return the id of the request, which the audit log and the deployment's logs use."""
        return self.headers.get("X-Request-Id", "")

    @property
    def at_s(self) -> int:
        """Return the deployment's time of the response, in seconds since the epoch."""
        try:
            return int(parsedate_to_datetime(self.headers["Date"]).timestamp())
        except (KeyError, ValueError):
            return int(time.time())

    @property
    def problem(self) -> str:
        """Return code and detail of a problem document in one line."""
        try:
            found = _Problem.model_validate_json(self.text)
        except ValidationError:
            return "no problem document"
        return f"{found.code}: {found.detail}" if found.code else "no problem document"

    def expect(self, *statuses: int) -> Self:
        """Return this response.

        Raises:
            CheckFailed: The response has another status.
        """
        if self.status not in statuses:
            raise CheckFailed(
                f"{self.request} returned {self.status} ({self.problem}), request {self.request_id or '?'}"
            )
        return self

    def read[Body: BaseModel](self, model: type[Body]) -> Body:
        """Return the parsed body.

        Raises:
            CheckFailed: The body has another structure.
        """
        try:
            return model.model_validate_json(self.text)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in fault["loc"]) or "the body"
            raise CheckFailed(f"{self.request} returned {field} in an unexpected form: {fault['msg']}") from None

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object, unchanged, so that it can be restored later.

        Raises:
            CheckFailed: The body is not a JSON object.
        """
        try:
            body: object = json.loads(self.text)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise CheckFailed(f"{self.request} returned no JSON object")
        return body  # pyright: ignore[reportUnknownVariableType]


class Api:
    """Client of the API. It follows no redirects, so that the token is never sent to another host."""

    def __init__(self, options: Options, interruption: Interruption) -> None:
        self._authorization = {"Authorization": f"Bearer {options.token}"}
        self._interruption = interruption
        # A proxy from the environment cannot reach the loopback address of this machine.
        direct: dict[str, httpx2.BaseTransport | None] = {"all://127.0.0.1": None, "all://localhost": None}
        timeout = httpx2.Timeout(TIMEOUT_S, connect=CONNECT_S)
        self._client = httpx2.Client(base_url=options.url, timeout=timeout, mounts=direct, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **parameters: str) -> Reply:
        return self.send("GET", path, parameters=parameters)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        with_token: bool = True,
    ) -> Reply:
        """Send a request and return its response with any status.

        Raises:
            NoResponse: The connection failed or timed out.
            Interrupted: A signal has ended the run.
        """
        self._interruption.check()
        request = f"{method} {path}"
        try:
            response = self._client.request(
                method,
                path,
                json=body,
                params=dict(parameters or {}),
                headers=self._authorization if with_token else {},
            )
        except httpx2.HTTPError as error:
            raise NoResponse(f"{request} got no response: {type(error).__name__} {error}".rstrip()) from None
        return Reply(request, response.status_code, response.headers, response.text)
