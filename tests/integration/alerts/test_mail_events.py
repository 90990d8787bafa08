"""Bounces and complaints, as SES tells of them: who cannot or does not want to get mails gets none."""

import json
from typing import Any

import pytest

from functions.mail_events.app import handler
from local.stack import LocalStack
from nexus_ai.platform.clock import SystemClock
from nexus_ai.settings.models import StopReason
from tests.integration.support.alert_runs import always, subjects, telling
from tests.integration.support.pipeline import copy, set_limits
from tests.integration.support.settings_requests import RATE_LIMITS, call, stored
from tests.unit.http.http_events import Context, read_event

GONE, OTHER = "ninguem@clinica.example", "gerente@clinica.example"


def told(tenant: str, **changes: Any) -> dict[str, Any]:
    """The stored event, of a permanent bounce, for a tenant; `changes` replace parts of what SES says."""
    event = read_event("mail_events")
    message = json.loads(event["Records"][0]["Sns"]["Message"])
    message["mail"]["tags"]["tenant"] = [tenant]
    event["Records"][0]["Sns"]["Message"] = json.dumps(message | changes)
    return event


def complaint(address: str, feedback: str | None = "abuse") -> dict[str, Any]:
    return {
        "eventType": "Complaint",
        "complaint": {
            "complainedRecipients": [{"emailAddress": address}],
            "timestamp": "2026-01-01T00:00:02.000Z",
            "feedbackId": "0100",
            **({"complaintFeedbackType": feedback} if feedback else {}),
        },
    }


@pytest.fixture
def company(stack: LocalStack, tenant: str) -> str:
    reply = call(stack, tenant, "PUT", RATE_LIMITS, {"alertEmails": ["Ninguem@clinica.example", OTHER]})
    assert (reply.status, reply.body["stoppedEmails"]) == (200, [])
    return tenant


def test_a_permanent_bounce_stops_an_address_and_shows_it_beside_the_limits(stack: LocalStack, company: str) -> None:
    handler(told(company), Context())
    handler(told(company, **complaint(GONE)), Context())

    shown = call(stack, company, "GET", RATE_LIMITS, role="user").body
    assert shown["stoppedEmails"] == [{"address": GONE, "reason": "bounce", "at": "2026-01-01T00:00:02.000Z"}]
    assert shown["alertEmails"] == ["Ninguem@clinica.example", OTHER]
    assert stored(company).alert_emails == (OTHER,)


def test_mails_go_to_those_that_are_left(stack: LocalStack, company: str) -> None:
    handler(told(company), Context())
    stack.token(company)
    set_limits(company, requests=1)
    assert copy(stack, company).status == 200

    assert telling(SystemClock()).dispatch_due(always).finished

    (mail,) = [each for each in stack.aws.mails() if OTHER in each.destinations]
    assert set(mail.destinations) == {OTHER}
    assert GONE not in mail.raw_data.lower()
    assert subjects(stack, company) == []


@pytest.mark.parametrize("feedback", ["abuse", None])
def test_a_complaint_stops_an_address(stack: LocalStack, company: str, feedback: str | None) -> None:
    handler(told(company, **complaint(f"Gerente <{OTHER.upper()}>", feedback)), Context())

    assert {address: each.reason for address, each in stored(company).stopped_emails.items()} == {
        OTHER: StopReason.COMPLAINT
    }


def transient() -> dict[str, Any]:
    bounce = json.loads(read_event("mail_events")["Records"][0]["Sns"]["Message"])["bounce"]
    return {"bounce": {**bounce, "bounceType": "Transient"}}


@pytest.mark.parametrize(
    "changes",
    [
        transient(),
        complaint(GONE, "not-spam"),
        complaint("somebody@else.example"),
        {"mail": {"tags": {}}},
        {"mail": {}},
        {"eventType": "Delivery"},
        {"bounce": None},
    ],
)
def test_what_tells_of_no_dead_address_of_this_company_stops_none(
    stack: LocalStack, company: str, changes: dict[str, Any]
) -> None:
    handler(told(company, **changes), Context())

    assert stored(company).stopped_emails == {}


@pytest.mark.parametrize("message", ["", "[]", "Successfully validated SNS topic", "null", '{"eventType": 7}'])
def test_what_is_no_event_is_left(stack: LocalStack, message: str) -> None:
    handler({"Records": [{"Sns": {"Message": message}}]}, Context())


def test_another_companys_list_is_left_alone(stack: LocalStack, company: str, tenant: str) -> None:
    handler(told(f"{tenant}-other"), Context())

    assert stored(company).stopped_emails == {}
    assert stored(f"{tenant}-other").stopped_emails == {}


def test_an_address_that_is_taken_off_the_list_is_forgotten(stack: LocalStack, company: str) -> None:
    handler(told(company), Context())

    without = call(stack, company, "PUT", RATE_LIMITS, {"alertEmails": [OTHER]})
    again = call(stack, company, "PUT", RATE_LIMITS, {"alertEmails": [OTHER, GONE]})

    assert (without.body["stoppedEmails"], again.body["stoppedEmails"]) == ([], [])
    assert stored(company).alert_emails == (OTHER, GONE)


def test_a_change_that_leaves_it_on_the_list_leaves_it_stopped(stack: LocalStack, company: str) -> None:
    handler(told(company), Context())

    reply = call(stack, company, "PUT", RATE_LIMITS, {"alertEmails": [GONE], "alertThresholds": [90]})

    assert [stopped["address"] for stopped in reply.body["stoppedEmails"]] == [GONE]
