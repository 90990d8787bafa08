"""What `sam build` makes runs in Lambda's own runtime: the built function, the built layer, and nothing of this folder.

aws-sam-cli brings the Runtime Interface Emulator, awslambdaric is Lambda's own client of it: no container is needed.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import samcli  # pyright: ignore[reportMissingTypeStubs]

from local.serving import Server
from local.stack import LocalStack
from local.template import ROOT
from nexus_ai.core.settings import Settings
from nexus_ai.providers.base import ProviderName

MACHINE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
EMULATOR = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{MACHINE}"
# Lambda lets a function with its layers have 250 MB, and reads all that is imported at each cold start.
UNPACKED_LIMIT = 130_000_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    tools = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [
            "sam", "build", "--no-cached", "--build-dir", folder / "build", "--cache-dir", folder / "cache",
            "--parameter-overrides", f"Architecture={MACHINE}",
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": tools, "ARCHITECTURE": MACHINE, "SAM_CLI_TELEMETRY": "0"},
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder / "build"


def free_port() -> int:
    server = Server()
    server.stop()
    return server.port


@contextmanager
def lambda_runtime(built: Path, function: str, variables: dict[str, str]) -> Generator[httpx.Client]:
    """One execution environment of a function."""
    port = free_port()
    command = [str(EMULATOR), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
    runtime = [sys.executable, "-m", "awslambdaric", "app.handler"]
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(built / "CommonLayer" / "python")}
    own |= {"PYTHONDONTWRITEBYTECODE": "1", "AWS_LAMBDA_FUNCTION_TIMEOUT": "29"}
    with subprocess.Popen(
        [*command, *runtime],
        cwd=built / function,
        env=own | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        transport = httpx.HTTPTransport(retries=20)
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/function"
        try:
            with httpx.Client(transport=transport, base_url=url, timeout=60, trust_env=False) as client:
                yield client
        finally:
            process.terminate()


def variables(stack: LocalStack) -> dict[str, str]:
    """The variables of the stack's functions, and the address of its AWS for other processes."""
    settings = {name.upper(): os.environ[name.upper()] for name in Settings.model_fields}
    lambda_sets = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    aws = {name: os.environ[name] for name in lambda_sets}
    return settings | aws | {"AWS_ENDPOINT_URL": stack.aws.serve()}


def event(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return read


def test_the_layer_fits_into_a_function_and_is_compiled(built: Path) -> None:
    layer = built / "CommonLayer" / "python"
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    assert size <= UNPACKED_LIMIT
    sources = set((layer / "nexus_ai").rglob("*.py"))
    compiled = {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in (layer / "nexus_ai").rglob("*.pyc")}
    assert sources
    assert compiled == sources


def test_the_built_functions_hold_their_handler_alone(built: Path) -> None:
    for folder in built.glob("*Function"):
        assert [path.name for path in folder.iterdir()] == ["app.py"]


def test_health_answers_in_the_lambda_runtime(built: Path, stack: LocalStack) -> None:
    with lambda_runtime(built, "HealthFunction", variables(stack)) as runtime:
        answer = runtime.post("/invocations", json=event("health")).json()
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (200, "ok")


def test_the_authorizer_lets_a_token_pass_in_the_lambda_runtime(built: Path, stack: LocalStack, tenant: str) -> None:
    asked = event("authorizer") | {"authorizationToken": f"Bearer {stack.token(tenant)}"}
    with lambda_runtime(built, "AuthorizerFunction", variables(stack)) as runtime:
        answer = runtime.post("/invocations", json=asked).json()
    assert answer["context"]["tenantId"] == tenant


@pytest.mark.parametrize("provider", ProviderName)
def test_each_provider_writes_copy_in_the_lambda_runtime(
    built: Path, stack: LocalStack, tenant: str, provider: ProviderName
) -> None:
    stack.token(tenant)
    asked = event("generate_copy")
    asked["body"] = json.dumps({"provider": provider, "prompt": "Café especial"})
    asked["requestContext"]["authorizer"]["tenantId"] = tenant
    with lambda_runtime(built, "GenerateCopyFunction", variables(stack)) as runtime:
        answer = runtime.post("/invocations", json=asked).json()
    assert answer["statusCode"] == 200, answer
    assert json.loads(answer["body"])["provider"] == provider
    assert stack.providers.count(provider) == 1
