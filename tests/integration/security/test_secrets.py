"""Test that a provider key never leaks: not in a response, a debug log line, a record, a table or an object."""

import json
import logging
import socket
import zlib
from base64 import b64encode
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast
from uuid import uuid4

import pytest

from functions.generate_copy.app import handler
from local.dev.demo import PROVIDERS
from local.environment import environment
from local.providers.behaviours import Answer, Behaviour, Fail, Raw, Reset
from local.providers.scenario import key_digest
from local.stack import LocalStack
from nexus_ai.aws import clients
from nexus_ai.aws.dynamodb import tables
from nexus_ai.aws.dynamodb.table import unmarshal
from nexus_ai.cache.idempotency import IdempotencyStore
from nexus_ai.gateway.composition import gateway
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.observability import logger
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.aws_calls import scan
from tests.integration.support.faults import broken, fault, unreachable
from tests.integration.support.limit_calls import caller_of
from tests.integration.support.pipeline import records
from tests.unit.http.http_events import Context, post

# Failures that a simulated provider can produce by itself.
SIMULATED_KINDS = [kind for kind in FailureKind if kind not in {FailureKind.TIMEOUT, FailureKind.UNREACHABLE}]
# Providers show the first half of a key that they reject.
SECRET = uuid4().hex
KEY = f"sk-canary-{SECRET}"
# The last four characters of a key may be shown.
TRACES = (SECRET[:12], SECRET[16:28], b64encode(KEY.encode()).decode()[:24])
PROMPT = "Convite da clínica Girassol"


@pytest.fixture
def at_debug(caplog: pytest.LogCaptureFixture) -> Generator[pytest.LogCaptureFixture]:
    """Set the log level to DEBUG, and capture all lines that reach Lambda's root handler."""
    logger().setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    yield caplog
    logger().setLevel(get_settings().log_level)


def new_tenant(provider: ProviderName, model: str) -> str:
    tenant = f"tenant-{uuid4().hex[:16]}"
    gateway().settings.save_provider(caller_of(tenant), provider=provider, model=model, api_key=KEY)
    return tenant


def call(tenant: str, *, remaining_ms: int = 29_000, **headers: str) -> str:
    """Return the complete response to a request for copy, as a text."""
    event = post(
        {"prompt": PROMPT},
        authorizer={"tenantId": tenant},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        requestTimeEpoch=SystemClock().now_ms(),
    )
    return json.dumps(handler(event, Context(remaining_ms)))


def echoes() -> Iterator[Behaviour]:
    """Yield behaviours of providers that repeat the key in their errors."""
    body = {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": KEY, "type": KEY, "status": KEY}}
    for status in (200, 400, 401, 403, 404, 422, 429, 500):
        yield Raw(json.dumps(body).encode(), status, {"content-type": "application/json", "x-request-id": KEY})
    yield Raw(f"<html>{KEY}</html>".encode(), 502, {"content-type": "text/html"})
    yield Raw(f'{{"id": "{KEY}", "choi'.encode())
    yield Raw(b"", 307, {"location": f"/elsewhere?key={KEY}"})


def stored() -> str:
    """Return all tables and objects as one text, with compressed parts decompressed."""
    found: list[object] = []
    for table in (tables.settings(), tables.rate_limits(), tables.cache(), tables.usage(), tables.audit_logs()):
        found += [readable(unmarshal(item)) for item in scan(table.name)]
    objects: Any = clients.s3()
    bucket = get_settings().content_bucket
    for page in objects.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            found.append(readable(objects.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()))
    return str(found)


def readable(value: object) -> object:
    match value:
        case dict():
            members = cast("dict[str, object]", value)
            return {name: readable(member) for name, member in members.items()}
        case list():
            return [readable(element) for element in cast("Sequence[object]", value)]
        case bytes():
            with suppress(zlib.error):
                value = zlib.decompress(value)
            return value.decode("utf-8", errors="replace")
        case _:
            return value


@contextmanager
def unreachable_provider(provider: ProviderName) -> Generator[None]:
    """Replace the provider's address by a port without a listener."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with environment({PROVIDERS[provider].url_variable: f"http://127.0.0.1:{taken.getsockname()[1]}"}):
            get_settings.cache_clear()
            yield
    get_settings.cache_clear()


def assert_no_trace(*texts: str) -> None:
    for text in texts:
        assert not [trace for trace in TRACES if trace in text]


@pytest.mark.slow
@pytest.mark.parametrize("provider", ProviderName)
def test_key_leaks_nowhere_whatever_its_provider_does(
    stack: LocalStack,
    provider: ProviderName,
    at_debug: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = PROVIDERS[provider].model
    behaviours = [Answer(), Reset(), Reset(before_reading=True), *map(Fail, SIMULATED_KINDS), *echoes()]
    tenants: list[str] = []
    responses: list[str] = []
    for behaviour in behaviours:
        tenants.append(new_tenant(provider, model))
        # The behaviour is permanent, because an attempt that was not sent is retried.
        stack.providers.always(provider, behaviour)
        replay = str(uuid4())
        responses.append(call(tenants[-1], Idempotency_Key=replay))
        # The stored response is encrypted with the client's idempotency key.
        responses.append(str(IdempotencyStore(tables.cache()).load(tenants[-1], replay)))
    stack.providers.always(provider, Fail(FailureKind.TIMEOUT))
    tenants.append(new_tenant(provider, model))
    responses.append(call(tenants[-1], remaining_ms=3_600))
    tenants.append(new_tenant(provider, model))
    with unreachable_provider(provider):
        responses.append(call(tenants[-1]))

    logged = capsys.readouterr()
    assert_no_trace(*responses, logged.out, logged.err, at_debug.text, stored())
    # The key was sent and there was much to search, which shows that the check above can fail.
    assert {call.key_sha256 for call in stack.providers.calls} == {key_digest(KEY)}
    codes = {attempt.error_code for tenant in tenants for record in records(tenant) for attempt in record.attempts}
    assert codes >= {kind.value for kind in FailureKind}
    assert [tenant for tenant in tenants if tenant not in logged.out] == []
    assert PROMPT in stored()


@pytest.mark.slow
def test_key_leaks_nowhere_if_aws_fails(
    stack: LocalStack, at_debug: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = get_settings()
    faults = [
        fault("Query", settings.settings_table, broken),
        fault("Decrypt", "CiphertextBlob", broken, service="kms"),
        fault("Decrypt", "CiphertextBlob", unreachable, service="kms"),
        fault("UpdateItem", settings.rate_limits_table, broken),
        fault("TransactWriteItems", settings.audit_logs_table, broken),
        fault("BatchGetItem", settings.cache_table, broken),
    ]
    responses: list[str] = []
    for happens in faults:
        tenant = new_tenant(ProviderName.OPENAI, "gpt-6-luna")
        with happens as met:
            responses.append(call(tenant))
        assert met

    logged = capsys.readouterr()
    assert_no_trace(*responses, logged.out, logged.err, at_debug.text, stored())


def test_equal_keys_of_two_tenants_have_different_ciphertexts(stack: LocalStack) -> None:
    configs = [
        gateway().settings.settings(caller_of(new_tenant(ProviderName.OPENAI, "gpt-6-luna"))).providers["openai"]
        for _ in range(2)
    ]

    assert configs[0].key_ciphertext != configs[1].key_ciphertext
    assert all(KEY.encode() not in config.key_ciphertext for config in configs)
