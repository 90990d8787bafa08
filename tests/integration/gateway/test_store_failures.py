"""Test failures of AWS: no provider is reached without limits and a record, and no completion is lost."""

import json
from threading import Event

import pytest
from botocore.awsrequest import AWSResponse

from functions.get_preferences.app import handler as get_preferences
from local.stack import LocalStack
from nexus_ai.audit.models import AuditStatus
from nexus_ai.gateway.composition import compose
from nexus_ai.limits.models import Limit
from nexus_ai.net import aws_json
from nexus_ai.net.aws_json import TRIES
from nexus_ai.net.concurrency import pause
from nexus_ai.platform.clock import Deadline, SystemClock, uuid7
from nexus_ai.platform.errors import AllProvidersFailed
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import ProviderName
from nexus_ai.tasks.copywriting.models import CopyRequest
from nexus_ai.tasks.copywriting.service import model_call
from tests.integration.support.faults import Fault, broken, fault, throttled, unreachable
from tests.integration.support.limit_calls import MovedClock, caller_of
from tests.integration.support.pipeline import audit, copy, limit_state, records, set_limits, welcome
from tests.unit.http.http_events import Context, read_event

FAULTS = [throttled, broken, unreachable]
STUCK_S = 20


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses between retries of writes after a completion."""
    monkeypatch.setattr("nexus_ai.gateway.audit_trail.PAUSES_S", (0.01, 0.01, 0.01))


@pytest.fixture
def known_tenant(stack: LocalStack, tenant: str) -> str:
    """Return a tenant whose limits exist, so that a reservation is one UpdateItem."""
    welcome(stack, tenant)
    set_limits(tenant, requests=100)
    return tenant


@pytest.mark.parametrize("happens", FAULTS)
def test_request_is_503_if_limits_cannot_be_checked(stack: LocalStack, known_tenant: str, happens: Fault) -> None:
    with fault("UpdateItem", get_settings().rate_limits_table, happens) as met:
        reply = copy(stack, known_tenant)

    assert met
    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert stack.providers.count() == 0
    assert [record.status for record in records(known_tenant)] == [AuditStatus.FAILED]


def test_log_names_the_aws_error_of_a_failed_store_call(
    stack: LocalStack, known_tenant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with fault("UpdateItem", get_settings().rate_limits_table, throttled):
        copy(stack, known_tenant)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    errors = [error for line in lines for error in line.get("errors", [])]
    (cause,) = [error for error in errors if error["type"].endswith("ServiceError")]
    assert (cause["aws_operation"], cause["aws_code"]) == ("UpdateItem", "ProvisionedThroughputExceededException")
    assert (cause["aws_request_id"], cause["status"]) == ("injected", 400)


@pytest.mark.parametrize("happens", FAULTS)
def test_reservation_is_released_if_the_record_cannot_be_opened(
    stack: LocalStack, known_tenant: str, happens: Fault
) -> None:
    with fault("TransactWriteItems", get_settings().audit_logs_table, happens):
        reply = copy(stack, known_tenant)

    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert stack.providers.count() == 0
    state = limit_state(known_tenant)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held) == (0, (0, 0, 0))


def test_request_without_settings_is_503_and_stores_no_content(stack: LocalStack, known_tenant: str) -> None:
    with fault("Query", get_settings().settings_table, throttled):
        reply = copy(stack, known_tenant)

    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert stack.providers.count() == 0
    (record,) = records(known_tenant)
    # The content policy of the tenant is unknown.
    assert audit().contents(known_tenant, record.id, SystemClock().now_ms() // 1000) == []


def test_keys_that_cannot_be_read_are_503_with_their_own_code(stack: LocalStack, known_tenant: str) -> None:
    with fault("Decrypt", "CiphertextBlob", unreachable, service="kms") as met:
        reply = copy(stack, known_tenant)

    assert met
    assert (reply.status, reply.body["code"]) == (503, "key_service_unavailable")
    assert stack.providers.count() == 0
    state = limit_state(known_tenant)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held, state.in_flight) == (0, (0, 0, 0), {})


@pytest.mark.usefixtures("short_pauses")
def test_failed_settlement_keeps_the_response_and_the_reservation(stack: LocalStack, known_tenant: str) -> None:
    reserved: list[object] = []

    def fails_after_the_reservation(request: object) -> AWSResponse | None:
        reserved.append(request)
        return None if len(reserved) == 1 else throttled(request)

    with fault("UpdateItem", get_settings().rate_limits_table, fails_after_the_reservation):
        reply = copy(stack, known_tenant)

    assert reply.status == 200
    assert len(reserved) > 2
    (record,) = records(known_tenant)
    assert record.status is AuditStatus.ANSWERED
    assert [entry.request_id for entry in limit_state(known_tenant).in_flight.values()] == [record.id]


@pytest.mark.usefixtures("short_pauses")
def test_record_that_cannot_be_closed_stays_open(stack: LocalStack, known_tenant: str) -> None:
    opened: list[object] = []

    def fails_after_the_opening(request: object) -> AWSResponse | None:
        opened.append(request)
        return None if len(opened) == 1 else throttled(request)

    with fault("TransactWriteItems", get_settings().audit_logs_table, fails_after_the_opening):
        reply = copy(stack, known_tenant)

    assert reply.status == 200
    (record,) = records(known_tenant)
    assert record.status is AuditStatus.OPEN
    assert not limit_state(known_tenant).in_flight


@pytest.mark.usefixtures("short_pauses")
def test_hit_is_503_if_its_record_cannot_be_written(stack: LocalStack, known_tenant: str) -> None:
    copy(stack, known_tenant)

    with fault("TransactWriteItems", get_settings().audit_logs_table, throttled):
        reply = copy(stack, known_tenant)

    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert len(records(known_tenant)) == 1


@pytest.mark.usefixtures("short_pauses")
def test_write_of_a_record_is_retried(stack: LocalStack, known_tenant: str) -> None:
    copy(stack, known_tenant)
    tries: list[object] = []

    def fails_as_often_as_the_store_tries(request: object) -> AWSResponse | None:
        tries.append(request)
        return throttled(request) if len(tries) <= TRIES else None

    with fault("TransactWriteItems", get_settings().audit_logs_table, fails_as_often_as_the_store_tries):
        reply = copy(stack, known_tenant)

    assert (reply.status, reply.body["cached"]) == (200, True)
    assert [record.status for record in records(known_tenant)] == [AuditStatus.ANSWERED, AuditStatus.CACHED]


def test_attempt_is_not_started_if_the_store_took_too_long(stack: LocalStack, known_tenant: str) -> None:
    clock = MovedClock(SystemClock().now_ms())
    caller = caller_of(known_tenant, clock.ms).model_copy(
        update={"request_id": uuid7(clock.ms), "deadline": Deadline(clock.ms + 20_000)}
    )
    gateway = compose(clock)

    def takes_long(_: object) -> None:
        clock.ms += 19_000

    copy_call = model_call(CopyRequest(provider=ProviderName.OPENAI, prompt="Limpeza de pele"))
    with fault("UpdateItem", get_settings().rate_limits_table, takes_long), pytest.raises(AllProvidersFailed):
        gateway.run(caller, copy_call)

    assert stack.providers.count() == 0
    state = gateway.limits.state(caller)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held, dict(state.in_flight)) == (0, (0, 0, 0), {})


@pytest.mark.parametrize(("remaining_ms", "tries"), [(29_000, TRIES), (400, 1)])
def test_store_is_retried_while_the_function_has_time(
    stack: LocalStack, known_tenant: str, remaining_ms: int, tries: int
) -> None:
    """The function returns its error before Lambda ends it."""
    event = read_event("get_preferences")
    event["requestContext"]["authorizer"] |= {"tenantId": known_tenant}
    with fault("Query", get_settings().settings_table, throttled) as met:
        response = get_preferences(event, Context(remaining_ms))

    assert (response["statusCode"], len(met)) == (503, tries)


@pytest.mark.slow
def test_write_that_fails_after_the_response_is_not_retried(
    stack: LocalStack, known_tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = MovedClock(SystemClock().now_ms())
    caller = caller_of(known_tenant, clock.ms).model_copy(
        update={"request_id": uuid7(clock.ms), "deadline": Deadline(clock.ms + 20_000)}
    )
    has_responded, has_paused = Event(), Event()
    met: list[object] = []
    pauses: list[bool] = []

    def hangs_in_the_settlement(request: object) -> AWSResponse | None:
        met.append(request)
        if len(met) == 1:
            return None
        clock.ms += 20_000
        assert has_responded.wait(STUCK_S)
        return throttled(request)

    def recorded_pause(seconds: float) -> bool:
        pauses.append(pause(seconds))
        has_paused.set()
        return pauses[-1]

    monkeypatch.setattr(aws_json, "pause", recorded_pause)
    with fault("UpdateItem", get_settings().rate_limits_table, hangs_in_the_settlement):
        copy_call = model_call(CopyRequest(provider=ProviderName.OPENAI, prompt="Limpeza de pele"))
        assert compose(clock).run(caller, copy_call).request_id == caller.request_id
        has_responded.set()
        assert has_paused.wait(STUCK_S)

    assert (pauses, len(met)) == ([False], 2)
    assert [entry.request_id for entry in limit_state(known_tenant).in_flight.values()] == [caller.request_id]


@pytest.mark.parametrize(("happens", "times"), [(throttled, TRIES), (broken, 1), (unreachable, TRIES)])
def test_additive_write_is_retried_only_if_it_was_not_applied(
    stack: LocalStack, known_tenant: str, happens: Fault, times: int
) -> None:
    with fault("UpdateItem", get_settings().usage_table, happens) as met:
        reply = copy(stack, known_tenant)

    assert reply.status == 200
    assert len(met) == times


@pytest.mark.parametrize("happens", FAULTS)
def test_idempotent_write_is_retried(stack: LocalStack, known_tenant: str, happens: Fault) -> None:
    tries: list[object] = []

    def fails_once(request: object) -> AWSResponse | None:
        tries.append(request)
        return happens(request) if len(tries) == 1 else None

    with fault("UpdateItem", get_settings().rate_limits_table, fails_once):
        reply = copy(stack, known_tenant)

    assert reply.status == 200
    # Two tries of the reservation, and the settlement.
    assert len(tries) == 3
