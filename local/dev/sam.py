"""Run `sam local` on a built application, with the AWS, providers and token issuer of a running local stack.

    python -m local.dev.sam invoke HealthFunction -e events/health.json

The arguments are those of `sam local`. BUILT is the folder of the build, PORT the port of `make run`.
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
# Docker Desktop's name for this machine. Its engine runs in a virtual machine, so no port can be opened on its bridge.
DESKTOP: Final = "host.docker.internal"
_HERE: Final = re.compile(rf"^http://{re.escape(LOCALHOST)}:(\d+)")
_CHUNK: Final = 65_536


class _Forwarded(BaseRequestHandler):
    """Forwards one connection of a container to the same port of this machine."""

    def handle(self) -> None:
        container: socket.socket = self.request
        with socket.create_connection((LOCALHOST, container.getsockname()[1])) as local:
            back = Thread(target=_copy, args=(local, container), daemon=True)
            back.start()
            _copy(container, local)
            back.join()


class _Forwarder(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


class Forwarders:
    """Port forwarding for containers, which cannot reach this machine at 127.0.0.1. They reach it at `host`."""

    def __init__(self, bridge: str, ports: Iterable[int]) -> None:
        """Prepare the ports. `bridge` is this machine's address in the engine's network."""
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
    """Return the ports of this machine that occur in the variables."""
    return [int(found[1]) for value in variables.values() if (found := _HERE.match(value))]


def seen_from(host: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Replace this machine's address in the variables by `host`, except in the issuer, which is a claim of tokens."""
    return {
        name: value if name == "TOKEN_ISSUER" else _HERE.sub(rf"http://{host}:\1", value)
        for name, value in variables.items()
    }


def with_variables(template: Path, variables: Mapping[str, str]) -> Path:
    """Write a copy of a built template, in the same folder, in which every function has these variables.

    `sam local` passes only variables that the template names, and the template does not name AWS_ENDPOINT_URL.
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
    """Run `sam local` and exit with its status."""
    built = Path(os.environ.get("BUILT") or DEFAULT_BUILD)
    template = built / "template.yaml"
    if not template.exists():
        _give_up(f"there is no build in {built}: run `make invoke` or `make start-api`, which build first")
    variables = _variables_of(os.environ.get("PORT") or "3000")
    with Forwarders(_bridge(), ports_here(variables)) as forwarders:
        copy = with_variables(template, seen_from(forwarders.host, variables))
        try:
            _sam(["local", *sys.argv[1:], "--template", str(copy), "--skip-pull-image"])
        finally:
            copy.unlink()


def _sam(arguments: list[str]) -> NoReturn:
    """Run `sam` in this process with a correction.

    `start-api` gives all requests the time of its own start, so every request would have expired after half a minute.
    Without a request time, the deadline counts from the start of the function.
    """
    from samcli.cli.main import cli  # pyright: ignore[reportMissingTypeStubs]
    from samcli.local.apigw import event_constructor  # pyright: ignore[reportMissingTypeStubs]

    constructor: Any = event_constructor
    original: Callable[[Any], dict[str, Any]] = constructor.RequestContext.to_dict

    def without_time(self: Any) -> dict[str, Any]:
        return original(self) | {"requestId": str(uuid4()), "requestTime": None, "requestTimeEpoch": None}

    constructor.RequestContext.to_dict = without_time
    sam: Any = cli
    sam.main(args=arguments, prog_name="sam")
    sys.exit()


def _variables_of(port: str) -> dict[str, str]:
    connection = HTTPConnection(LOCALHOST, int(port), timeout=10)
    try:
        connection.request("GET", VARIABLES)
        variables: dict[str, str] = json.loads(connection.getresponse().read())
    except OSError:
        _give_up(f"`make run` does not respond at port {port}: start it in another terminal, or set PORT to its port")
    finally:
        connection.close()
    return variables


def _bridge() -> str:
    docker = shutil.which("docker")
    if docker is None:
        _give_up("there is no `docker` on this machine")
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    command = [docker, "network", "inspect", "bridge", "--format", gateway]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        _give_up(f"no Docker engine responds ({result.stderr.strip()})")
    return result.stdout.strip()


def _give_up(message: str) -> NoReturn:
    print(f"sam local: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
