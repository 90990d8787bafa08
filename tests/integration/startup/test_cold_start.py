"""Test what a function imports for its first call, in a fresh process."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.stack import LocalStack
from local.template import ROOT
from nexus_ai.platform.clock import SystemClock

PROGRAM = """
import gc, json, sys
sys.path.insert(0, sys.argv[1])
import app
class Context:
    aws_request_id = "first"
    function_name = "nexus-ai-function"
    function_version = "7"
    def get_remaining_time_in_millis(self):
        return 29_000
response = app.handler(json.load(sys.stdin), Context())
collections = sum(generation["collections"] for generation in gc.get_stats())
json.dump({"status": response["statusCode"], "modules": list(sys.modules), "collections": collections}, sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize("function", ["get_preferences", "generate_copy"])
def test_first_call_imports_no_boto3_and_rarely_collects_garbage(stack: LocalStack, tenant: str, function: str) -> None:
    stack.token(tenant)
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{function}.json").read_text())
    event["requestContext"]["authorizer"]["tenantId"] = tenant
    event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
    environment = os.environ | {"AWS_ENDPOINT_URL": stack.aws.serve(), "PYTHONPATH": str(ROOT / "layers" / "common")}

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT / "functions" / function)],
        input=json.dumps(event),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    report = json.loads(done.stderr.splitlines()[-1])
    assert report["status"] == 200
    # Collections of the garbage collector; with Python's default threshold they are 26 and 68.
    assert report["collections"] <= 8
    assert not {"boto3", "botocore.session", "botocore.client", "botocore.auth"} & set(report["modules"])
    # Only a function that calls a provider loads the HTTP libraries of the providers' SDKs.
    if function == "get_preferences":
        assert not {"httpx", "httpx2", "httpcore", "httpcore2", "h11"} & set(report["modules"])
