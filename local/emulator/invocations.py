"""Emulate Lambda's Invoke API for asynchronous calls between functions, with three attempts if a call fails.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import json
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from local.emulator.functions import FunctionFailed, FunctionThrottled, FunctionTimedOut, Invocable, PayloadTooLarge
from local.emulator.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TRIES: Final = 3
# Lambda waits one minute before the second attempt and two minutes before the third.
_PAUSE_S: Final = 0.2


class Invocations:
    """WSGI application on a separate port, to which the Lambda clients are directed."""

    def __init__(self, functions: Mapping[str, Invocable]) -> None:
        self._functions = functions
        self._server = Server()

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> Self:
        self._server.start(self)
        return self

    def stop(self) -> None:
        self._server.stop()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        # /2015-03-31/functions/<name or ARN>/invocations
        name = unquote(request.path.split("/")[3]).rpartition(":")[2] if request.path.count("/") == 4 else ""
        function = self._functions.get(name)
        if function is None or request.headers.get("X-Amz-Invocation-Type") != "Event":
            return Response('{"Type": "User"}', 404, {"X-Amzn-ErrorType": "ResourceNotFoundException"})
        event = json.loads(request.get_data())
        threading.Thread(target=_invoke, args=(function, event), name=f"invoke-{name}", daemon=True).start()
        return Response(status=202)


def _invoke(function: Invocable, event: dict[str, Any]) -> None:
    for _ in range(TRIES):
        try:
            function.invoke(event)
        except (FunctionFailed, FunctionThrottled, FunctionTimedOut, PayloadTooLarge):
            time.sleep(_PAUSE_S)
        else:
            return
