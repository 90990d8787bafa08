"""SnapStart: two copies of one snapshot share what is the same for all, and nothing that has to be a copy's own."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.stack import LocalStack
from local.template import ROOT
from nexus_ai.core.settings import Settings
from nexus_ai.providers.base import ProviderName

SDKS = {"openai", "anthropic", "groq", "google.genai", "genai_prices.data", "boto3.session", "botocore.client"}
GIVEN_LATER = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def run(stack: LocalStack, tenant: str) -> list[dict[str, Any]]:
    """What the program tells: of the snapshot, and of two copies that answered the same event."""
    stack.token(tenant)
    event = json.loads((ROOT / "events" / "generate_copy.json").read_text())
    event["body"] = json.dumps({"provider": ProviderName.OPENAI, "prompt": f"Café especial de {tenant}"})
    event["requestContext"]["authorizer"]["tenantId"] = tenant
    variables = {name.upper(): os.environ[name.upper()] for name in Settings.model_fields}
    variables |= {name: os.environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION")}
    variables |= {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'layers' / 'common'}{os.pathsep}{ROOT}"}
    later = {name: os.environ[name] for name in GIVEN_LATER} | {"AWS_ENDPOINT_URL": stack.aws.serve()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.functional.restored"],
        cwd=ROOT,
        env=variables | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_EC2_METADATA_DISABLED": "true"},
        input=json.dumps({"event": event, "variables": later}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return [each for each in told if "modules" in each or "drawn" in each]


@pytest.mark.slow
def test_a_snapshot_has_imports_and_tls_contexts_and_each_copy_all_else_of_its_own(
    stack: LocalStack, run: list[dict[str, Any]]
) -> None:
    snapshot, first, second = run

    assert set(snapshot["modules"]) >= SDKS
    assert snapshot["tls contexts"] == 1
    assert (snapshot["kept"], snapshot["sockets"], snapshot["threads"]) == ([], [], 1)
    assert (first["status"], second["status"]) == (200, 200), (first, second)
    assert first["body"]["requestId"] != second["body"]["requestId"]
    assert first["drawn"] != second["drawn"]
    assert (first["body"]["cached"], second["body"]["cached"]) == (False, True)
    assert stack.providers.count() == 1
