"""Test bounces and complaints that SES reports: their addresses receive no more mails."""

import json
from typing import Any

import pytest

from functions.mail_events.app import handler
from local.stack import LocalStack
from nexus_ai.platform.clock import SystemClock
from nexus_ai.settings.models import StopReason
from tests.integration.support.alert_runs import alert_dispatcher, always, subjects
from tests.integration.support.pipeline import copy, set_limits
from tests.integration.support.settings_requests import RATE_LIMITS, call, stored
from tests.unit.http.http_events import Context, read_event

BOUNCED, OTHER = "ninguem@clinica.example", "gerente@clinica.example"


def bounce_event(tenant: str, **changes: Any) -> dict[str, Any]:
    """Return the stored event of a permanent bounce for a tenant. `changes` replace parts of SES's message."""
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
def alerted_tenant(stack: LocalStack, tenant: str) -> str:
    reply = call(stack, tenant, "PUT", RATE_LIMITS, {"alertEmails": ["Ninguem@clinica.example", OTHER]})
    assert (reply.status, reply.body["stoppedEmails"]) == (200, [])
    return tenant


def test_permanent_bounce_stops_an_address_and_shows_it(stack: LocalStack, alerted_tenant: str) -> None:
    handler(bounce_event(alerted_tenant), Context())
    handler(bounce_event(alerted_tenant, **complaint(BOUNCED)), Context())

    shown = call(stack, alerted_tenant, "GET", RATE_LIMITS, role="user").body
    assert shown["stoppedEmails"] == [{"address": BOUNCED, "reason": "bounce", "at": "2026-01-01T00:00:02.000Z"}]
    assert shown["alertEmails"] == ["Ninguem@clinica.example", OTHER]
    assert stored(alerted_tenant).alert_emails == (OTHER,)


def test_mails_go_to_the_remaining_addresses(stack: LocalStack, alerted_tenant: str) -> None:
    handler(bounce_event(alerted_tenant), Context())
    stack.token(alerted_tenant)
    set_limits(alerted_tenant, requests=1)
    assert copy(stack, alerted_tenant).status == 200

    assert alert_dispatcher(SystemClock()).dispatch_due(always).finished

    (mail,) = [each for each in stack.aws.mails() if OTHER in each.destinations]
    assert set(mail.destinations) == {OTHER}
    assert BOUNCED not in mail.raw_data.lower()
    assert subjects(stack, alerted_tenant) == []


@pytest.mark.parametrize("feedback", ["abuse", None])
def test_complaint_stops_an_address(stack: LocalStack, alerted_tenant: str, feedback: str | None) -> None:
    handler(bounce_event(alerted_tenant, **complaint(f"Gerente <{OTHER.upper()}>", feedback)), Context())

    assert {address: each.reason for address, each in stored(alerted_tenant).stopped_emails.items()} == {
        OTHER: StopReason.COMPLAINT
    }


def transient() -> dict[str, Any]:
    bounce = json.loads(read_event("mail_events")["Records"][0]["Sns"]["Message"])["bounce"]
    return {"bounce": {**bounce, "bounceType": "Transient"}}


@pytest.mark.parametrize(
    "changes",
    [
        transient(),
        complaint(BOUNCED, "not-spam"),
        complaint("other@else.example"),
        {"mail": {"tags": {}}},
        {"mail": {}},
        {"eventType": "Delivery"},
        {"bounce": None},
    ],
)
def test_other_mail_events_stop_no_address(stack: LocalStack, alerted_tenant: str, changes: dict[str, Any]) -> None:
    handler(bounce_event(alerted_tenant, **changes), Context())

    assert stored(alerted_tenant).stopped_emails == {}


@pytest.mark.parametrize("message", ["", "[]", "Successfully validated SNS topic", "null", '{"eventType": 7}'])
def test_message_that_is_no_event_is_ignored(stack: LocalStack, message: str) -> None:
    handler({"Records": [{"Sns": {"Message": message}}]}, Context())


def test_bounce_changes_no_other_tenants_addresses(stack: LocalStack, alerted_tenant: str, tenant: str) -> None:
    handler(bounce_event(f"{tenant}-other"), Context())

    assert stored(alerted_tenant).stopped_emails == {}
    assert stored(f"{tenant}-other").stopped_emails == {}


def test_removed_address_is_no_longer_stopped(stack: LocalStack, alerted_tenant: str) -> None:
    handler(bounce_event(alerted_tenant), Context())

    without = call(stack, alerted_tenant, "PUT", RATE_LIMITS, {"alertEmails": [OTHER]})
    again = call(stack, alerted_tenant, "PUT", RATE_LIMITS, {"alertEmails": [OTHER, BOUNCED]})

    assert (without.body["stoppedEmails"], again.body["stoppedEmails"]) == ([], [])
    assert stored(alerted_tenant).alert_emails == (OTHER, BOUNCED)


def test_address_that_stays_on_the_list_stays_stopped(stack: LocalStack, alerted_tenant: str) -> None:
    handler(bounce_event(alerted_tenant), Context())

    reply = call(stack, alerted_tenant, "PUT", RATE_LIMITS, {"alertEmails": [BOUNCED], "alertThresholds": [90]})

    assert [stopped["address"] for stopped in reply.body["stoppedEmails"]] == [BOUNCED]
