"""The functions of template.yaml as `sam build` made them, in Lambda's own runtime, each in processes of its own.

aws-sam-cli brings the Runtime Interface Emulator and awslambdaric is Lambda's own client of it: no container is needed.
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
# As many requests as a function takes at once here; more of them wait.
ENVIRONMENTS: Final = 4
_EMULATOR: Final = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{MACHINE}"
_INVOCATIONS: Final = "/2015-03-31/functions/function/invocations"
_START_S: Final = 10
# The emulator ends what takes too long by itself; it is starting the function, too.
_GRACE_S: Final = 60


class ExecutionEnvironment:
    """One process of a built function: the emulator, and below it the runtime with the function."""

    def __init__(self, built: Path, logical_id: str, variables: Mapping[str, str], log: Path | None = None) -> None:
        """`variables` are the function's and Lambda's own; `log` gets what the emulator and the function print."""
        self._port = free_port()
        self._timeout_s = float(variables["AWS_LAMBDA_FUNCTION_TIMEOUT"])
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        addresses += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
        # Without `site` nothing is found that the layer or the runtime's own client does not bring.
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
        """The handler's answer; raises FunctionTimedOut, PayloadTooLarge and FunctionFailed."""
        payload = json.dumps(event).encode()
        if len(payload) > PAYLOAD_LIMIT:
            raise PayloadTooLarge
        try:
            with closing(self._connect()) as connection:
                connection.request("POST", _INVOCATIONS, payload)
                response = connection.getresponse()
                told = response.read()
        except (HTTPException, OSError) as error:
            raise FunctionFailed("the emulator has ended") from error
        if re.fullmatch(rb"Task timed out after [0-9.]+ seconds\s*", told):
            raise FunctionTimedOut
        answer: Any = json.loads(told)
        # What tells a failure to a caller of Lambda is a header, which the emulator does not give.
        match answer:
            case {"errorType": str(), "errorMessage": str(message)}:
                raise FunctionFailed(message)
            case _:
                return answer

    def runtime_pid(self) -> int:
        """The process with the function in it, which is there from the first request on."""
        children = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        (pid,) = (int(child) for path in children for child in path.read_text().split())
        return pid

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _connect(self) -> HTTPConnection:
        """An open connection. A refused one is that of an emulator that has not come up yet."""
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
    """One function: an execution environment for each request that comes while all others are busy."""

    def __init__(self, built: Path, logical_id: str, region: str, variables: Callable[[], Mapping[str, str]]) -> None:
        """`variables` are asked for with the first request: some are the names of functions, this one included."""
        self.arn = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{logical_id}"
        self._built = built
        self._logical_id = logical_id
        self._variables = variables
        self._room = BoundedSemaphore(ENVIRONMENTS)
        self._idle: LifoQueue[ExecutionEnvironment] = LifoQueue()
        self._all: list[ExecutionEnvironment] = []
        self._lock = Lock()

    def invoke(self, event: dict[str, Any]) -> Any:
        """The handler's answer; raises FunctionTimedOut, PayloadTooLarge and FunctionFailed."""
        with self._room:
            environment = self._environment()
            try:
                return environment.invoke(event)
            finally:
                self._idle.put(environment)

    def of(self, built: Path) -> "BuiltFunction":
        """Return the same function as another `sam build` made it."""
        return BuiltFunction(built.resolve(), self._logical_id, "", self._variables)

    def start(self, log: Path | None = None, **changed: str) -> ExecutionEnvironment:
        """An execution environment for the caller alone, who closes it; with some variables changed."""
        return ExecutionEnvironment(self._built, self._logical_id, {**self._variables(), **changed}, log)

    def stop(self) -> None:
        """Ends all that requests have started."""
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
    """All functions by their logical ids; the template is told their names. `aws` are the variables of the SDK."""
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
    """A folder with awslambdaric and what it requires, and nothing else of what is installed beside it."""
    folder = TemporaryDirectory(prefix="lambda-runtime-")
    wanted = ["awslambdaric"]
    for name in wanted:
        found = distribution(name)
        wanted += [re.split(r"[^\w.-]", required)[0] for required in found.requires or () if "extra" not in required]
        for top in {Path(str(file)).parts[0] for file in found.files or ()} - {".."}:
            (Path(folder.name) / top).symlink_to(Path(str(found.locate_file(top))).resolve())
    return folder
