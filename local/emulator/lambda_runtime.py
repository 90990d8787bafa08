"""Run the functions that `sam build` has built in Lambda's own runtime, each in separate processes.

No container is needed: aws-sam-cli includes the Runtime Interface Emulator, and awslambdaric is Lambda's client for it.
The emulator takes one request at a time, as an execution environment does.
"""

import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cache
from http.client import HTTPConnection, HTTPException
from importlib.metadata import distribution
from pathlib import Path
from queue import LifoQueue
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore, Lock
from typing import Any, Final

import samcli  # pyright: ignore[reportMissingTypeStubs]

from local.emulator.functions import PAYLOAD_LIMIT, FunctionFailed, FunctionTimedOut, PayloadTooLarge
from local.emulator.server import free_port
from local.template import ACCOUNT_ID, Properties, Template

MACHINE: Final = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
# Maximum of concurrent requests per function; further requests wait.
ENVIRONMENTS: Final = 4
_EMULATOR: Final = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{MACHINE}"
_INVOCATIONS: Final = "/2015-03-31/functions/function/invocations"
_START_S: Final = 10
# Extra time for the emulator, which starts the function and ends it at its timeout.
_GRACE_S: Final = 60


class ExecutionEnvironment:
    """Execution environment of a built function: an emulator process with the runtime as its child."""

    def __init__(self, built: Path, logical_id: str, variables: Mapping[str, str], log: Path | None = None) -> None:
        """Start the emulator.

        Args:
            built: Output folder of `sam build`.
            logical_id: Logical id of the function.
            variables: Environment variables of the function, those of Lambda included.
            log: File for the output of emulator and function; None discards it.
        """
        self._port = free_port()
        self._timeout_s = float(variables["AWS_LAMBDA_FUNCTION_TIMEOUT"])
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        addresses += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
        # Without `site`, only the packages of the layer and of the runtime client can be imported.
        runtime = [sys.executable, "-S", "-m", "awslambdaric", "app.handler"]
        path = f"{built / 'CommonLayer' / 'python'}:{_runtime_client().name}"
        own = {"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        with (log or Path("/dev/null")).open("ab") as lines:
            self._process = subprocess.Popen(
                [str(_EMULATOR), *addresses, *runtime],
                cwd=built / logical_id,
                env={**own, "AWS_LAMBDA_FUNCTION_NAME": logical_id, **variables},
                stdout=lines,
                stderr=lines,
            )

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return the handler's return value.

        Raises:
            FunctionTimedOut: The function has exceeded its timeout.
            PayloadTooLarge: The event is above the size limit.
            FunctionFailed: The function has raised an error, or the emulator has ended.
        """
        payload = json.dumps(event).encode()
        if len(payload) > PAYLOAD_LIMIT:
            raise PayloadTooLarge
        try:
            with closing(self._connect()) as connection:
                connection.request("POST", _INVOCATIONS, payload)
                body = connection.getresponse().read()
        except (HTTPException, OSError) as error:
            raise FunctionFailed("the emulator has ended") from error
        if re.fullmatch(rb"Task timed out after [0-9.]+ seconds\s*", body):
            raise FunctionTimedOut
        returned: Any = json.loads(body)
        # Lambda marks a failure with a header, which the emulator does not send.
        match returned:
            case {"errorType": str(), "errorMessage": str(message)}:
                raise FunctionFailed(message)
            case _:
                return returned

    def runtime_pid(self) -> int:
        """Return the id of the process that runs the function. It exists from the first request on."""
        children = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        (pid,) = (int(child) for path in children for child in path.read_text().split())
        return pid

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _connect(self) -> HTTPConnection:
        """Open a connection, and retry while the emulator is starting and refuses it."""
        ends_at = time.monotonic() + _START_S
        while True:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=self._timeout_s + _GRACE_S)
            try:
                connection.connect()
            except ConnectionRefusedError:
                if time.monotonic() > ends_at or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return connection


class BuiltFunction:
    """Built function, with an additional execution environment for a request that finds all others busy."""

    def __init__(self, built: Path, logical_id: str, region: str, variables: Callable[[], Mapping[str, str]]) -> None:
        """Prepare the function. `variables` is called at the first request, because some contain function names."""
        self.arn = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{logical_id}"
        self._built = built
        self._logical_id = logical_id
        self._variables = variables
        self._room = BoundedSemaphore(ENVIRONMENTS)
        self._idle: LifoQueue[ExecutionEnvironment] = LifoQueue()
        self._all: list[ExecutionEnvironment] = []
        self._lock = Lock()

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return the handler's return value.

        Raises:
            FunctionTimedOut: The function has exceeded its timeout.
            PayloadTooLarge: The event is above the size limit.
            FunctionFailed: The function has raised an error, or the emulator has ended.
        """
        with self._room:
            environment = self._environment()
            try:
                return environment.invoke(event)
            finally:
                self._idle.put(environment)

    def of(self, built: Path) -> "BuiltFunction":
        """Return the same function from the output of another `sam build`."""
        return BuiltFunction(built.resolve(), self._logical_id, "", self._variables)

    def start(self, log: Path | None = None, **changed: str) -> ExecutionEnvironment:
        """Start a separate execution environment, which the caller must close. `changed` overrides variables."""
        return ExecutionEnvironment(self._built, self._logical_id, {**self._variables(), **changed}, log)

    def stop(self) -> None:
        """End the execution environments that requests have started."""
        for environment in self._all:
            environment.close()

    def _environment(self) -> ExecutionEnvironment:
        with self._lock:
            if not self._idle.empty():
                return self._idle.get()
            self._all.append(self.start())
            return self._all[-1]


def built_functions(
    built: Path, template: Template, region: str, aws: Callable[[], Mapping[str, str]]
) -> dict[str, BuiltFunction]:
    """Return all functions by logical id, and add their names to the template. `aws` returns the SDK's variables."""
    made: dict[str, BuiltFunction] = {}
    for logical_id, properties in template.functions().items():
        made[logical_id] = BuiltFunction(built.resolve(), logical_id, region, _variables(template, properties, aws))
        template.name(logical_id, logical_id, Arn=made[logical_id].arn)
    return made


def _variables(
    template: Template, properties: Properties, aws: Callable[[], Mapping[str, str]]
) -> Callable[[], Mapping[str, str]]:
    def variables() -> Mapping[str, str]:
        own: dict[str, Any] = template.resolve(properties["Environment"]["Variables"])
        logs: Properties = properties["LoggingConfig"]
        return {
            "AWS_LAMBDA_LOG_FORMAT": template.resolve(logs["LogFormat"]),
            "AWS_LAMBDA_LOG_LEVEL": template.resolve(logs["ApplicationLogLevel"]),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(properties["Timeout"]),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(properties["MemorySize"]),
            **aws(),
            **{name: str(value) for name, value in own.items()},
        }

    return variables


@cache
def _runtime_client() -> TemporaryDirectory[str]:
    """Create a folder with awslambdaric and its dependencies, without the other installed packages."""
    folder = TemporaryDirectory(prefix="lambda-runtime-")
    names = ["awslambdaric"]
    for name in names:
        found = distribution(name)
        names += [re.split(r"[^\w.-]", required)[0] for required in found.requires or () if "extra" not in required]
        for top in {Path(str(file)).parts[0] for file in found.files or ()} - {".."}:
            (Path(folder.name) / top).symlink_to(Path(str(found.locate_file(top))).resolve())
    return folder
