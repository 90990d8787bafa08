"""`sam local` on what `sam build` made, with the AWS, the vendors and the token issuer of a running local stack.

`python -m local.dev.sam invoke HealthFunction -e events/health.json`: the arguments
are those of `sam local`. BUILT names the folder of the build, PORT the port of `make run`.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any, Final, NoReturn, Self
from uuid import uuid4

from local.dev.dev_routes import VARIABLES
from local.emulator.lambda_runtime import MACHINE
from local.template import Template

DEFAULT_BUILD: Final = ".aws-sam/test-lambda/build"
LOCALHOST: Final = "127.0.0.1"
# What Docker Desktop calls this machine: its engine is in a virtual machine, whose bridge nobody here can listen on.
DESKTOP: Final = "host.docker.internal"
_HERE: Final = re.compile(rf"^http://{re.escape(LOCALHOST)}:(\d+)")
_CHUNK: Final = 65_536


class _Forwarded(BaseRequestHandler):
    """One connection of a container, handed on to the same port of this machine."""

    def handle(self) -> None:
        here: socket.socket = self.request
        with socket.create_connection((LOCALHOST, here.getsockname()[1])) as there:
            back = Thread(target=_copy, args=(there, here), daemon=True)
            back.start()
            _copy(here, there)
            back.join()


class _Forwarder(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


class Forwarders:
    """A container's 127.0.0.1 is its own. While this is entered, it reaches ports of this machine at `host`."""

    def __init__(self, bridge: str, ports: Iterable[int]) -> None:
        """`bridge` is the address that this machine has on the engine's network."""
        self.host = bridge
        self._ports = sorted(set(ports))
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for port in self._ports:
            try:
                server = _Forwarder((self.host, port), _Forwarded)
            except OSError:
                self._open.close()
                self.host = DESKTOP
                break
            self._open.callback(server.server_close)
            self._open.callback(server.shutdown)
            Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)


def ports_here(variables: Mapping[str, str]) -> list[int]:
    """The ports of this machine that the variables' addresses have."""
    return [int(found[1]) for value in variables.values() if (found := _HERE.match(value))]


def seen_from(host: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables with this machine named as `host`; the issuer's name is a claim of its tokens and stays."""
    return {
        name: value if name == "TOKEN_ISSUER" else _HERE.sub(rf"http://{host}:\1", value)
        for name, value in variables.items()
    }


def with_variables(template: Path, variables: Mapping[str, str]) -> Path:
    """A copy beside a built template in which every function has these variables.

    `sam local` hands a container none that its template does not name, AWS_ENDPOINT_URL for one.
    """
    body: dict[str, Any] = Template.read(template)
    body["Parameters"]["Architecture"]["Default"] = MACHINE
    body["Globals"]["Function"]["Environment"] = {"Variables": dict(variables)}
    for resource in body["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"].pop("Environment", None)
    copy = template.with_name(f"local-{os.getpid()}.json")
    copy.write_text(json.dumps(body), encoding="utf-8")
    return copy


def main() -> NoReturn:
    """Ends with what `sam local` ends with."""
    built = Path(os.environ.get("BUILT") or DEFAULT_BUILD)
    template = built / "template.yaml"
    if not template.exists():
        _give_up(f"nothing has been built in {built}: `make invoke` and `make start-api` build first")
    variables = _variables_of(os.environ.get("PORT") or "3000")
    with Forwarders(_bridge(), ports_here(variables)) as forwarders:
        copy = with_variables(template, seen_from(forwarders.host, variables))
        try:
            _sam(["local", *sys.argv[1:], "--template", str(copy), "--skip-pull-image"])
        finally:
            copy.unlink()


def _sam(arguments: list[str]) -> NoReturn:
    """In this process, since `start-api` gives all requests the time at which it was started itself, so that their time
    would be over after half a minute. Without one a request's time begins with the function's."""
    from samcli.cli.main import cli  # pyright: ignore[reportMissingTypeStubs]
    from samcli.local.apigw import event_constructor  # pyright: ignore[reportMissingTypeStubs]

    constructor: Any = event_constructor
    given: Callable[[Any], dict[str, Any]] = constructor.RequestContext.to_dict

    def own(self: Any) -> dict[str, Any]:
        return given(self) | {"requestId": str(uuid4()), "requestTime": None, "requestTimeEpoch": None}

    constructor.RequestContext.to_dict = own
    sam: Any = cli
    sam.main(args=arguments, prog_name="sam")
    sys.exit()


def _variables_of(port: str) -> dict[str, str]:
    connection = HTTPConnection(LOCALHOST, int(port), timeout=10)
    try:
        connection.request("GET", VARIABLES)
        variables: dict[str, str] = json.loads(connection.getresponse().read())
    except OSError:
        _give_up(f"`make run` does not answer at port {port}: start it in another terminal, or say its PORT")
    finally:
        connection.close()
    return variables


def _bridge() -> str:
    docker = shutil.which("docker")
    if docker is None:
        _give_up("there is no `docker` on this machine")
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    command = [docker, "network", "inspect", "bridge", "--format", gateway]
    asked = subprocess.run(command, check=False, capture_output=True, text=True)
    if asked.returncode:
        _give_up(f"no Docker engine answers ({asked.stderr.strip()})")
    return asked.stdout.strip()


def _give_up(message: str) -> NoReturn:
    print(f"sam local: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
