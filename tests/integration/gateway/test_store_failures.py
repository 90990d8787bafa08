"""Where AWS fails: no provider is reached without limits and a record, and no answer is lost after it."""

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
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again after an answer is tried again at once."""
    monkeypatch.setattr("nexus_ai.gateway.audit_trail.PAUSES_S", (0.01, 0.01, 0.01))


@pytest.fixture
def known(stack: LocalStack, tenant: str) -> str:
    """A tenant whose item of limits exists, so that a reservation is one UpdateItem."""
    welcome(stack, tenant)
    set_limits(tenant, requests=100)
    return tenant


@pytest.mark.parametrize("happens", FAULTS)
def test_limits_that_cannot_be_checked_refuse_the_call(stack: LocalStack, known: str, happens: Fault) -> None:
    with fault("UpdateItem", get_settings().rate_limits_table, happens) as met:
        reply = copy(stack, known)

    assert met
    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert stack.providers.count() == 0
    assert [record.status for record in records(known)] == [AuditStatus.FAILED]


def test_the_log_names_what_aws_said_of_a_store_that_failed(
    stack: LocalStack, known: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with fault("UpdateItem", get_settings().rate_limits_table, throttled):
        copy(stack, known)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    errors = [error for line in lines for error in line.get("errors", [])]
    (cause,) = [error for error in errors if error["type"].endswith("ServiceError")]
    assert (cause["aws_operation"], cause["aws_code"]) == ("UpdateItem", "ProvisionedThroughputExceededException")
    assert (cause["aws_request_id"], cause["status"]) == ("injected", 400)


@pytest.mark.parametrize("happens", FAULTS)
def test_a_record_that_cannot_be_opened_refuses_the_call_and_gives_the_reservation_back(
    stack: LocalStack, known: str, happens: Fault
) -> None:
    with fault("TransactWriteItems", get_settings().audit_logs_table, happens):
        reply = copy(stack, known)

    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert stack.providers.count() == 0
    state = limit_state(known)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held) == (0, (0, 0, 0))


def test_without_settings_there_is_no_call_and_nothing_of_it_is_kept(stack: LocalStack, known: str) -> None:
    with fault("Query", get_settings().settings_table, throttled):
        reply = copy(stack, known)

    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert stack.providers.count() == 0
    (record,) = records(known)
    # Nobody knows whether this company wants its prompts kept.
    assert audit().contents(known, record.id, SystemClock().now_ms() // 1000) == []


def test_keys_that_cannot_be_read_refuse_the_call_in_their_own_words(stack: LocalStack, known: str) -> None:
    with fault("Decrypt", "CiphertextBlob", unreachable, service="kms") as met:
        reply = copy(stack, known)

    assert met
    assert (reply.status, reply.body["code"]) == (503, "key_service_unavailable")
    assert stack.providers.count() == 0
    state = limit_state(known)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held, state.in_flight) == (0, (0, 0, 0), {})


@pytest.mark.usefixtures("impatient")
def test_a_settlement_that_fails_costs_no_answer_and_is_left_to_the_sweep(stack: LocalStack, known: str) -> None:
    reserved: list[object] = []

    def fails_after_the_reservation(request: object) -> AWSResponse | None:
        reserved.append(request)
        return None if len(reserved) == 1 else throttled(request)

    with fault("UpdateItem", get_settings().rate_limits_table, fails_after_the_reservation):
        reply = copy(stack, known)

    assert reply.status == 200
    assert len(reserved) > 2
    (record,) = records(known)
    assert record.status is AuditStatus.ANSWERED
    assert [entry.request_id for entry in limit_state(known).in_flight.values()] == [record.id]


@pytest.mark.usefixtures("impatient")
def test_a_record_that_cannot_be_closed_costs_no_answer_and_stays_open(stack: LocalStack, known: str) -> None:
    opened: list[object] = []

    def fails_after_the_opening(request: object) -> AWSResponse | None:
        opened.append(request)
        return None if len(opened) == 1 else throttled(request)

    with fault("TransactWriteItems", get_settings().audit_logs_table, fails_after_the_opening):
        reply = copy(stack, known)

    assert reply.status == 200
    (record,) = records(known)
    assert record.status is AuditStatus.OPEN
    assert not limit_state(known).in_flight


@pytest.mark.usefixtures("impatient")
def test_an_answer_from_the_cache_is_not_given_without_a_record(stack: LocalStack, known: str) -> None:
    copy(stack, known)

    with fault("TransactWriteItems", get_settings().audit_logs_table, throttled):
        reply = copy(stack, known)

    assert (reply.status, reply.body["code"]) == (503, "store_unavailable")
    assert len(records(known)) == 1


@pytest.mark.usefixtures("impatient")
def test_a_record_that_cannot_be_written_at_first_is_written_later(stack: LocalStack, known: str) -> None:
    copy(stack, known)
    tries: list[object] = []

    def fails_as_often_as_the_store_tries(request: object) -> AWSResponse | None:
        tries.append(request)
        return throttled(request) if len(tries) <= TRIES else None

    with fault("TransactWriteItems", get_settings().audit_logs_table, fails_as_often_as_the_store_tries):
        reply = copy(stack, known)

    assert (reply.status, reply.body["cached"]) == (200, True)
    assert [record.status for record in records(known)] == [AuditStatus.ANSWERED, AuditStatus.CACHED]


def test_a_call_for_which_the_store_took_too_long_is_not_begun(stack: LocalStack, known: str) -> None:
    clock = MovedClock(SystemClock().now_ms())
    caller = caller_of(known, clock.ms).model_copy(
        update={"request_id": uuid7(clock.ms), "deadline": Deadline(clock.ms + 20_000)}
    )
    gateway = compose(clock)

    def takes_long(_: object) -> None:
        clock.ms += 19_000

    wish = model_call(CopyRequest(provider=ProviderName.OPENAI, prompt="Limpeza de pele"))
    with fault("UpdateItem", get_settings().rate_limits_table, takes_long), pytest.raises(AllProvidersFailed):
        gateway.run(caller, wish)

    assert stack.providers.count() == 0
    state = gateway.limits.state(caller)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held, dict(state.in_flight)) == (0, (0, 0, 0), {})


@pytest.mark.parametrize(("remaining_ms", "tries"), [(29_000, TRIES), (400, 1)])
def test_the_store_is_tried_for_as_long_as_the_function_has_time(
    stack: LocalStack, known: str, remaining_ms: int, tries: int
) -> None:
    """So that its error is returned before Lambda ends the function."""
    event = read_event("get_preferences")
    event["requestContext"]["authorizer"] |= {"tenantId": known}
    with fault("Query", get_settings().settings_table, throttled) as met:
        response = get_preferences(event, Context(remaining_ms))

    assert (response["statusCode"], len(met)) == (503, tries)


@pytest.mark.slow
def test_a_write_that_comes_back_after_the_response_is_not_sent_again(
    stack: LocalStack, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = MovedClock(SystemClock().now_ms())
    caller = caller_of(known, clock.ms).model_copy(
        update={"request_id": uuid7(clock.ms), "deadline": Deadline(clock.ms + 20_000)}
    )
    has_responded, has_paused = Event(), Event()
    met: list[object] = []
    went_on: list[bool] = []

    def hangs_in_the_settlement(request: object) -> AWSResponse | None:
        met.append(request)
        if len(met) == 1:
            return None
        clock.ms += 20_000
        assert has_responded.wait(STUCK_S)
        return throttled(request)

    def watched(seconds: float) -> bool:
        went_on.append(pause(seconds))
        has_paused.set()
        return went_on[-1]

    monkeypatch.setattr(aws_json, "pause", watched)
    with fault("UpdateItem", get_settings().rate_limits_table, hangs_in_the_settlement):
        wish = model_call(CopyRequest(provider=ProviderName.OPENAI, prompt="Limpeza de pele"))
        assert compose(clock).run(caller, wish).request_id == caller.request_id
        has_responded.set()
        assert has_paused.wait(STUCK_S)

    assert (went_on, len(met)) == ([False], 2)
    assert [entry.request_id for entry in limit_state(known).in_flight.values()] == [caller.request_id]


@pytest.mark.parametrize(("happens", "times"), [(throttled, TRIES), (broken, 1), (unreachable, TRIES)])
def test_what_adds_up_is_sent_again_only_where_it_was_not_carried_out(
    stack: LocalStack, known: str, happens: Fault, times: int
) -> None:
    with fault("UpdateItem", get_settings().usage_table, happens) as met:
        reply = copy(stack, known)

    assert reply.status == 200
    assert len(met) == times


@pytest.mark.parametrize("happens", FAULTS)
def test_what_may_be_written_twice_is_tried_again(stack: LocalStack, known: str, happens: Fault) -> None:
    tries: list[object] = []

    def fails_once(request: object) -> AWSResponse | None:
        tries.append(request)
        return happens(request) if len(tries) == 1 else None

    with fault("UpdateItem", get_settings().rate_limits_table, fails_once):
        reply = copy(stack, known)

    assert reply.status == 200
    # The reservation twice, and its settlement.
    assert len(tries) == 3
