"""Test which packages may import which, and what a cold start may not load."""

import json
import subprocess
import sys
from functools import cache

import pytest

from local.template import ROOT

FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
SDKS = (
    "openai", "anthropic", "groq", "google.genai", "httpx", "httpx2", "httpcore", "httpcore2", "genai_prices",
    "genai_price_lists",
)  # fmt: skip
# Powertools imports the bare name of botocore, which costs nothing; botocore's session and client cost 0.4 s.
AWS = ("boto3", "botocore.client", "botocore.session")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT / "layers" / "common"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


# An interpreter with the modules that all handlers share forks for each function, so that none sees another's imports.
EACH_BY_ITSELF = """
import json, os, sys
import nexus_ai.http.endpoint
for folder in sys.argv[1:]:
    if os.fork() == 0:
        sys.path.insert(0, f"functions/{folder}")
        import app
        print(json.dumps([folder, sorted(sys.modules)]), flush=True)
        os._exit(0)
    os.wait()
"""


@cache
def loaded() -> dict[str, set[str]]:
    """Return the modules that importing each function's app.py loads."""
    done = run(sys.executable, "-c", EACH_BY_ITSELF, *FUNCTIONS)
    found: list[tuple[str, list[str]]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(FUNCTIONS), done.stderr
    return {folder: set(modules) for folder, modules in found}


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_importing_a_function_loads_no_sdk(folder: str) -> None:
    assert "app" in loaded()[folder]
    assert not loaded()[folder] & {*SDKS, *AWS}


def test_import_contracts_hold() -> None:
    done = run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_requirements_of_the_layer_match_the_lock() -> None:
    uv = ROOT / ".venv" / "bin" / "uv"
    exported = run(
        str(uv if uv.exists() else "uv"), "export", "--quiet", "--offline", "--locked", "--no-dev", "--no-emit-project",
        "--no-header", "--format", "requirements-txt",
    )  # fmt: skip
    assert exported.returncode == 0, exported.stderr
    assert exported.stdout == (ROOT / "layers" / "common" / "requirements.txt").read_text()
