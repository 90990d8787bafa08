"""Test what `sam build` builds, in Lambda's own runtime: functions and layer, without this repository's folder.

`make test-lambda` builds, and runs these tests together with journeys of the integration ring, which reach the same
functions through the local API.
"""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from local.emulator.functions import PAYLOAD_LIMIT, FunctionTimedOut
from local.emulator.lambda_runtime import BuiltFunction
from local.providers.behaviours import Answer
from local.stack import LocalStack
from local.template import Template
from nexus_ai.audit.models import AuditStatus
from nexus_ai.limits.models import NOTHING, Limit
from nexus_ai.platform.clock import SystemClock
from nexus_ai.providers.base import ProviderName
from ops.release import content_hash, resolved_parameters, stamped
from tests.integration.support.http_client import GENERATE_COPY, Reply, ask
from tests.integration.support.pipeline import (
    copy,
    limit_state,
    mid_hour_time_zone,
    records,
    set_limits,
    sweep_at,
    welcome,
)
from tests.repo_checks.deployed import PARAMETERS, translated
from tests.unit.http.http_events import post, read_event

# Lambda allows a function with its layers 250 MB, and loads everything that is imported at each cold start.
UNPACKED_LIMIT = 130_000_000
LATER_MS = 60_000

pytestmark = pytest.mark.built


@pytest.fixture
def built(pytestconfig: pytest.Config) -> Path:
    folder: Path | None = pytestconfig.getoption("--built")
    assert folder, "run `make test-lambda`: it builds and passes --built"
    return folder


def function(stack: LocalStack, logical_id: str) -> BuiltFunction:
    found = stack.functions[logical_id]
    assert isinstance(found, BuiltFunction), "run `make test-lambda`: it builds and passes --built"
    return found


def test_layer_fits_into_a_function_and_is_compiled(built: Path) -> None:
    layer = built / "CommonLayer" / "python"
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    print(f"the layer is {size / 1_000_000:.1f} MB unpacked")
    assert size <= UNPACKED_LIMIT
    sources = set((layer / "nexus_ai").rglob("*.py"))
    compiled = {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in (layer / "nexus_ai").rglob("*.pyc")}
    assert sources
    assert compiled == sources


def test_built_functions_contain_only_their_handler(built: Path) -> None:
    for folder in built.glob("*Function"):
        assert [path.name for path in folder.iterdir()] == ["app.py"]


def test_release_publishes_versions_only_for_changed_parameters(built: Path, tmp_path: Path) -> None:
    template = Template.read(built / "template.yaml")
    content = content_hash(built, template)
    assert content == content_hash(built, template)

    def published(**given: str) -> set[str]:
        values = resolved_parameters(template, {**PARAMETERS, **given})
        release = stamped(template, values, content)
        for resource in release["Resources"].values():
            for place in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
                resource["Properties"][place] = f"s3://artefacts/{resource['Properties'][place]}"
        resources = translated(release, values)["Resources"]
        kinds = {"AWS::Lambda::Version", "AWS::ApiGateway::Deployment"}
        return {name for name, each in resources.items() if each["Type"] in kinds}

    first = published()
    assert published() == first
    assert not [name for name in published(MaxCallsInFlight="7") & first if "Version" in name]
    assert not published(CorsOrigin="https://crm.example") & first


@pytest.mark.parametrize("provider", ProviderName)
def test_each_provider_writes_copy(stack: LocalStack, tenant: str, provider: ProviderName) -> None:
    reply = copy(stack, tenant, {"provider": provider})

    assert (reply.status, reply.body["provider"]) == (200, provider)
    assert stack.providers.count(provider) == 1


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_log_has_every_metric_and_no_prompt_at_each_level(
    stack: LocalStack, tenant: str, tmp_path: Path, level: str
) -> None:
    log = tmp_path / "log"
    stack.tenants.welcome(tenant)
    subject = function(stack, "GenerateCopyFunction").start(log, LOG_LEVEL=level, AWS_LAMBDA_LOG_LEVEL=level)
    with closing(subject) as environment:
        assert environment.invoke(copy_event(tenant, "a prompt that must not be logged"))["statusCode"] == 200

    written = log.read_text()
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    assert [line["Requests"] for line in lines if "Requests" in line] == [1]
    assert [line["level"] for line in lines if line.get("message") == "request"] == ["INFO"]
    assert "a prompt that must not be logged" not in written
    assert "Warning" not in written


def test_functions_without_a_route_run(stack: LocalStack) -> None:
    stack.tick()
    assert function(stack, "CheckHealthFunction").invoke(read_event("check_health"))["status"] == "ok"
    assert function(stack, "MailEventsFunction").invoke(read_event("mail_events")) is None


def test_sweep_closes_the_open_record_of_a_timed_out_function(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_limits(tenant, requests=100, time_zone=mid_hour_time_zone())
    stack.providers.script(ProviderName.OPENAI, Answer(), Answer(delay_s=60))
    subject = function(stack, "GenerateCopyFunction").start(AWS_LAMBDA_FUNCTION_TIMEOUT="15")
    with closing(subject) as environment, ThreadPoolExecutor(1) as pool:
        # The cold start uses part of the timeout; it must be over before the call that hangs.
        assert environment.invoke(copy_event(tenant, "before"))["statusCode"] == 200
        in_flight = pool.submit(environment.invoke, copy_event(tenant, "meanwhile"))
        waited = Event()
        while stack.providers.count() < 2:
            assert not in_flight.done()
            waited.wait(0.01)
        # A stopped process cannot settle anything; only the runtime's timeout ends it.
        os.kill(environment.runtime_pid(), signal.SIGSTOP)
        with pytest.raises(FunctionTimedOut):
            in_flight.result()
        assert [record.status for record in records(tenant)] == [AuditStatus.ANSWERED, AuditStatus.OPEN]
        assert limit_state(tenant).held[Limit.REQUESTS_PER_HOUR] == 1
        assert environment.invoke(copy_event(tenant, "after"))["statusCode"] == 200

    sweep_at(SystemClock().now_ms() + LATER_MS).sweep_tenant(tenant)

    assert [record.status for record in records(tenant)] == [
        AuditStatus.ANSWERED,
        AuditStatus.ABANDONED,
        AuditStatus.ANSWERED,
    ]
    assert limit_state(tenant).held == NOTHING
    assert limit_state(tenant).used(Limit.REQUESTS_PER_HOUR) == 3


def copy_event(tenant: str, prompt: str) -> dict[str, Any]:
    now_ms = SystemClock().now_ms()
    return post({"provider": "openai", "prompt": prompt}, authorizer={"tenantId": tenant}, requestTimeEpoch=now_ms)


def test_body_over_the_lambda_payload_limit_is_413(stack: LocalStack, tenant: str) -> None:
    def sent(size: int) -> Reply:
        body = b'{"prompt": "%s"}' % (b"x" * size)
        return ask(stack.url, "POST", GENERATE_COPY, token=stack.token(tenant), body=body)

    largest, larger = sent(PAYLOAD_LIMIT - 10_000), sent(PAYLOAD_LIMIT)

    assert (largest.status, largest.body["code"]) == (422, "validation_failed")
    assert larger.status == 413
    assert stack.providers.count() == 0
