"""Call the functions of template.yaml in this process as Lambda does."""

import importlib.util
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final, Protocol
from uuid import uuid4

from local.template import ACCOUNT_ID, ROOT, Properties, Template

# Maximum size of the event and of the return value of a synchronous invocation, in bytes.
PAYLOAD_LIMIT: Final = 6 * 1024 * 1024


class FunctionTimedOut(Exception):
    """Function that has exceeded its timeout. Its thread continues without anyone waiting for it."""


class FunctionThrottled(Exception):
    """Function that already runs its maximum of concurrent calls. The call was not started."""


class PayloadTooLarge(Exception):
    """Event above Lambda's size limit."""


class FunctionFailed(Exception):
    """Function that has raised an error or returned a value that is not JSON. The message is the function's."""


class Invocable(Protocol):
    """Function that can be invoked, in this process or in another."""

    @property
    def arn(self) -> str: ...

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return the handler's return value.

        Raises:
            FunctionTimedOut: The function has exceeded its timeout.
            FunctionThrottled: The function already runs its maximum of concurrent calls.
            PayloadTooLarge: The event is above the size limit.
            FunctionFailed: The function has raised an error.
        """
        ...


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """Second argument of a handler, with the members of awslambdaric's."""

    function_name: str
    memory_limit_in_mb: str
    invoked_function_arn: str
    ends_at: float
    aws_request_id: str = field(default_factory=lambda: str(uuid4()))
    function_version: str = "$LATEST"
    log_group_name: str = "local"
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends_at - time.monotonic()) * 1000))


class Function:
    """Function of template.yaml.

    Its module is loaded once, at the first call, under a unique name, because every module file is called app.py.
    """

    def __init__(self, logical_id: str, properties: Properties, region: str, reserved: int | None) -> None:
        """Prepare the function. `reserved` is its maximum of concurrent calls; None means no limit."""
        self.logical_id = logical_id
        self.arn: str = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{logical_id}"
        self._folder: str = properties["CodeUri"]
        self._module_name, self._handler_name = str(properties["Handler"]).rsplit(".", 1)
        self._timeout_s = float(properties["Timeout"])
        self._memory = str(properties["MemorySize"])
        self._lock = threading.Lock()
        self._module: ModuleType | None = None
        self._room = None if reserved is None else threading.BoundedSemaphore(reserved)

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return the handler's return value.

        Event and return value are converted to JSON and back, as Lambda does.

        Raises:
            FunctionTimedOut: The function has exceeded its timeout.
            FunctionThrottled: The function already runs its maximum of concurrent calls.
            PayloadTooLarge: The event is above the size limit.
            FunctionFailed: The function has raised an error or returned a value that is not JSON.
        """
        payload = json.dumps(event)
        if len(payload.encode()) > PAYLOAD_LIMIT:
            raise PayloadTooLarge
        context = LambdaContext(
            function_name=self.logical_id,
            memory_limit_in_mb=self._memory,
            invoked_function_arn=self.arn,
            ends_at=time.monotonic() + self._timeout_s,
        )
        invocation = _Invocation(lambda: self._load()(json.loads(payload), context))
        if self._room is None:
            return invocation.result(self._timeout_s)
        if not self._room.acquire(blocking=False):
            raise FunctionThrottled
        try:
            return invocation.result(self._timeout_s)
        finally:
            self._room.release()

    def _load(self) -> Callable[[Any, LambdaContext], Any]:
        with self._lock:
            if self._module is None:
                self._module = self._import()
        handler: Callable[[Any, LambdaContext], Any] = getattr(self._module, self._handler_name)
        return handler

    def _import(self) -> ModuleType:
        path = ROOT / self._folder / f"{self._module_name}.py"
        name = f"functions_{path.parent.name}_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


class _Invocation:
    """Call in a daemon thread, so that the process can end while the call waits."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._returned: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="invocation", daemon=True)

    def result(self, timeout_s: float) -> Any:
        self._thread.start()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise FunctionTimedOut
        if self._error is not None:
            raise FunctionFailed(str(self._error)) from self._error
        return self._returned

    def _run(self) -> None:
        try:
            self._returned = json.loads(json.dumps(self._call()))
        except Exception as error:  # noqa: BLE001 (any error of the function is its result)
            if str(error) != "Unauthorized":
                traceback.print_exc(file=sys.stderr)
            self._error = error


def functions(template: Template, region: str) -> dict[str, Function]:
    """Return all functions by logical id, and add their names to the template."""
    made: dict[str, Function] = {}
    for logical_id, properties in template.functions().items():
        reserved = template.resolve(properties.get("ReservedConcurrentExecutions"))
        made[logical_id] = Function(logical_id, properties, region, None if reserved is None else int(reserved))
        template.name(logical_id, logical_id, Arn=made[logical_id].arn)
    return made
