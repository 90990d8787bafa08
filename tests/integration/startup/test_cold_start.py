"""What the first call of a function imports, in a process that has done nothing else."""

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
answer = app.handler(json.load(sys.stdin), Context())
looks = sum(generation["collections"] for generation in gc.get_stats())
json.dump({"status": answer["statusCode"], "modules": list(sys.modules), "looks": looks}, sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize("function", ["get_preferences", "generate_copy"])
def test_the_first_answer_imports_no_boto3_and_hardly_looks_for_cycles(
    stack: LocalStack, tenant: str, function: str
) -> None:
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

    told = json.loads(done.stderr.splitlines()[-1])
    assert told["status"] == 200
    # For cycles: with the threshold that Python begins with it is 26 and 68 times.
    assert told["looks"] <= 8
    assert not {"boto3", "botocore.session", "botocore.client", "botocore.auth"} & set(told["modules"])
    # Only a function that calls a provider pays for HTTP as the providers' SDKs speak it.
    if function == "get_preferences":
        assert not {"httpx", "httpx2", "httpcore", "httpcore2", "h11"} & set(told["modules"])
