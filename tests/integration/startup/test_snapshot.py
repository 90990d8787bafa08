"""Test SnapStart: copies of one snapshot share what may be shared, and nothing else."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.stack import LocalStack
from local.template import ROOT
from nexus_ai.platform.settings import Settings
from nexus_ai.providers.base import ProviderName

SDKS = {"openai", "anthropic", "groq", "google.genai", "genai_price_lists.openai", "boto3.session", "botocore.client"}
SET_AFTER_RESTORE = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


# Fields of a request to each task, in addition to the provider.
TASK_FIELDS: dict[str, dict[str, Any]] = {
    "generate_copy": {"prompt": "Café especial"},
    "analyze_sentiment": {"text": "Adorei o atendimento da clínica."},
    "generate_summary": {"text": "A clínica abre às oito e fecha às dezoito. " * 20},
    "translate": {"text": "Bom dia", "targetLanguages": ["en"]},
}


def restored(stack: LocalStack, tenant: str, function: str, providers: list[ProviderName]) -> list[dict[str, Any]]:
    """Return the program's reports: one of the snapshot, and one of a copy that calls each provider."""
    stack.token(tenant)
    event = json.loads((ROOT / "events" / f"{function}.json").read_text())
    event["requestContext"]["authorizer"]["tenantId"] = tenant
    events = [event | {"body": json.dumps({"provider": name} | TASK_FIELDS[function])} for name in providers]
    variables = {name.upper(): os.environ[name.upper()] for name in Settings.model_fields}
    variables |= {name: os.environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION")}
    variables |= {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'layers' / 'common'}{os.pathsep}{ROOT}"}
    later = {name: os.environ[name] for name in SET_AFTER_RESTORE} | {"AWS_ENDPOINT_URL": stack.aws.serve()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.support.restored_snapshot"],
        cwd=ROOT,
        env=variables | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_EC2_METADATA_DISABLED": "true"},
        input=json.dumps({"function": function, "events": events, "variables": later}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    return [each for each in reports if "modules" in each or "drawn" in each]


@pytest.mark.slow
def test_snapshot_shares_imports_and_tls_contexts_only(stack: LocalStack, tenant: str) -> None:
    snapshot, first, second = restored(stack, tenant, "generate_copy", [ProviderName.OPENAI] * 2)

    assert set(snapshot["modules"]) >= SDKS
    assert snapshot["tls contexts"] == 1
    assert (snapshot["kept"], snapshot["sockets"], snapshot["threads"]) == ([], [], 1)
    assert (first["status"], second["status"]) == (200, 200), (first, second)
    assert first["body"]["requestId"] != second["body"]["requestId"]
    assert first["drawn"] != second["drawn"]
    assert (first["body"]["cached"], second["body"]["cached"]) == (False, True)
    assert stack.providers.count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("function", TASK_FIELDS)
def test_restored_function_imports_nothing_for_its_first_call(stack: LocalStack, tenant: str, function: str) -> None:
    _, *copies = restored(stack, tenant, function, list(ProviderName))

    assert [(each["status"], each["body"]["provider"]) for each in copies] == [(200, name) for name in ProviderName]
    assert [each["imported"] for each in copies] == [[]] * len(ProviderName)
    assert all(stack.providers.count(name) >= 1 for name in ProviderName)
