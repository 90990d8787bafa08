"""The functions of template.yaml, called in this process as Lambda calls them."""

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

# What one synchronous invocation takes and gives, in bytes.
PAYLOAD_LIMIT: Final = 6 * 1024 * 1024


class FunctionTimedOut(Exception):
    """The function has not ended within its time. Its thread goes on; nobody waits for it."""


class FunctionThrottled(Exception):
    """As many calls as the function may run at once are running. It was not started."""


class PayloadTooLarge(Exception):
    """The event is larger than what Lambda takes."""


class FunctionFailed(Exception):
    """The function raised, or gave what is no JSON. The message is the function's own."""


class Invocable(Protocol):
    """A function, wherever it runs."""

    @property
    def arn(self) -> str: ...

    def invoke(self, event: dict[str, Any]) -> Any:
        """The handler's answer; raises FunctionTimedOut, FunctionThrottled, PayloadTooLarge and FunctionFailed."""
        ...


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The second argument of a handler, as awslambdaric makes it."""

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
    """One function. Its module is loaded at the first call, once, under a name of its own: all are called app.py."""

    def __init__(self, logical_id: str, properties: Properties, region: str, reserved: int | None) -> None:
        """`reserved` is how many calls may run at once; None is no limit."""
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
        """The handler's answer; raises FunctionTimedOut, FunctionThrottled, PayloadTooLarge and FunctionFailed.

        Event and answer pass through JSON, as they do on their way into Lambda and out of it.
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
    """A call in a thread that ends with the process, whatever it waits for."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._answer: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="invocation", daemon=True)

    def result(self, timeout_s: float) -> Any:
        self._thread.start()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise FunctionTimedOut
        if self._error is not None:
            raise FunctionFailed(str(self._error)) from self._error
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = json.loads(json.dumps(self._call()))
        except Exception as error:  # noqa: BLE001 (whatever the function raises is its answer)
            if str(error) != "Unauthorized":
                traceback.print_exc(file=sys.stderr)
            self._error = error


def functions(template: Template, region: str) -> dict[str, Function]:
    """All functions by their logical ids; the template is told their names."""
    made: dict[str, Function] = {}
    for logical_id, properties in template.functions().items():
        reserved = template.resolve(properties.get("ReservedConcurrentExecutions"))
        made[logical_id] = Function(logical_id, properties, region, None if reserved is None else int(reserved))
        template.name(logical_id, logical_id, Arn=made[logical_id].arn)
    return made
