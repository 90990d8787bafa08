"""A provider's key leaves by no way: not in an answer, a log line at DEBUG, a record, a table or an object."""

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

# What a vendor's server does by itself; nobody can tell it to be unreachable.
ANSWERED = [kind for kind in FailureKind if kind not in {FailureKind.TIMEOUT, FailureKind.UNREACHABLE}]
# Its first half is what vendors show of a key that they refuse.
SECRET = uuid4().hex
KEY = f"sk-canary-{SECRET}"
# The last four of a key are for people to see.
TRACES = (SECRET[:12], SECRET[16:28], b64encode(KEY.encode()).decode()[:24])
PROMPT = "Convite da clínica Girassol"


@pytest.fixture
def at_debug(caplog: pytest.LogCaptureFixture) -> Generator[pytest.LogCaptureFixture]:
    """Everything that anybody logs, as Lambda's root handler gets it, with the log level at DEBUG."""
    logger().setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    yield caplog
    logger().setLevel(get_settings().log_level)


def new_tenant(provider: ProviderName, model: str) -> str:
    tenant = f"tenant-{uuid4().hex[:16]}"
    gateway().settings.save_provider(caller_of(tenant), provider=provider, model=model, api_key=KEY)
    return tenant


def call(tenant: str, *, remaining_ms: int = 29_000, **headers: str) -> str:
    """The whole response to a request for copy, as a text."""
    event = post(
        {"prompt": PROMPT},
        authorizer={"tenantId": tenant},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        requestTimeEpoch=SystemClock().now_ms(),
    )
    return json.dumps(handler(event, Context(remaining_ms)))


def echoes() -> Iterator[Behaviour]:
    """Vendors that say in their errors which key it was."""
    told = {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": KEY, "type": KEY, "status": KEY}}
    for status in (200, 400, 401, 403, 404, 422, 429, 500):
        yield Raw(json.dumps(told).encode(), status, {"content-type": "application/json", "x-request-id": KEY})
    yield Raw(f"<html>{KEY}</html>".encode(), 502, {"content-type": "text/html"})
    yield Raw(f'{{"id": "{KEY}", "choi'.encode())
    yield Raw(b"", 307, {"location": f"/elsewhere?key={KEY}"})


def stored() -> str:
    """All tables and all objects, with what is compressed in the clear."""
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
def nobody_there(provider: ProviderName) -> Generator[None]:
    """While it lasts the vendor's address is a port at which nobody listens."""
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
def test_a_key_is_in_no_answer_no_line_no_record_and_no_table_whatever_its_provider_does(
    stack: LocalStack,
    provider: ProviderName,
    at_debug: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = PROVIDERS[provider].model
    behaviours = [Answer(), Reset(), Reset(before_reading=True), *map(Fail, ANSWERED), *echoes()]
    called: list[str] = []
    answers: list[str] = []
    for behaviour in behaviours:
        called.append(new_tenant(provider, model))
        # As often as anybody asks: once more where nothing was sent.
        stack.providers.always(provider, behaviour)
        replay = str(uuid4())
        answers.append(call(called[-1], Idempotency_Key=replay))
        # Kept under the client's own key, and unreadable without it.
        answers.append(str(IdempotencyStore(tables.cache()).load(called[-1], replay)))
    stack.providers.always(provider, Fail(FailureKind.TIMEOUT))
    called.append(new_tenant(provider, model))
    answers.append(call(called[-1], remaining_ms=3_600))
    called.append(new_tenant(provider, model))
    with nobody_there(provider):
        answers.append(call(called[-1]))

    logged = capsys.readouterr()
    assert_no_trace(*answers, logged.out, logged.err, at_debug.text, stored())
    # That nothing was found is worth something: the key was sent, all was looked at, and much was there to be found.
    assert {asked.key_sha256 for asked in stack.providers.calls} == {key_digest(KEY)}
    codes = {attempt.error_code for tenant in called for record in records(tenant) for attempt in record.attempts}
    assert codes >= {kind.value for kind in FailureKind}
    assert [tenant for tenant in called if tenant not in logged.out] == []
    assert PROMPT in stored()


@pytest.mark.slow
def test_a_key_leaves_no_trace_where_aws_fails(
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
    answers: list[str] = []
    for happens in faults:
        tenant = new_tenant(ProviderName.OPENAI, "gpt-6-luna")
        with happens as met:
            answers.append(call(tenant))
        assert met

    logged = capsys.readouterr()
    assert_no_trace(*answers, logged.out, logged.err, at_debug.text, stored())


def test_what_is_kept_of_a_key_is_another_ciphertext_for_each_tenant(stack: LocalStack) -> None:
    there = [
        gateway().settings.settings(caller_of(new_tenant(ProviderName.OPENAI, "gpt-6-luna"))).providers["openai"]
        for _ in range(2)
    ]

    assert there[0].key_ciphertext != there[1].key_ciphertext
    assert all(KEY.encode() not in config.key_ciphertext for config in there)
