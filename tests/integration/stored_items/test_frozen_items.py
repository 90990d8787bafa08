"""Test that every route and job reads the items that an earlier version stored.

The same holds after a newer version has added fields to all items, and with items of other kinds among them.
"""

from collections.abc import Generator
from email import message_from_string
from email.policy import default as policy
from typing import Any

import pytest

from local.stack import LocalStack
from nexus_ai.audit.jobs import runner
from nexus_ai.audit.jobs.runner import JobEvent
from nexus_ai.audit.jobs.store import JobStatus
from nexus_ai.audit.models import AuditRecord, AuditStatus, Outcome
from nexus_ai.audit.store import audit_store
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.cache.response_cache import cache_key_for
from nexus_ai.limits.models import Limit
from nexus_ai.settings.store import SettingsStore
from nexus_ai.tasks.copywriting.models import CopyRequest
from nexus_ai.tasks.copywriting.service import model_call
from nexus_ai.usage.reconciler import UsageReconciler
from nexus_ai.usage.reconciliation_queue import ReconciliationQueue
from nexus_ai.usage.store import usage_store
from tests.integration.support.alert_runs import alert_dispatcher, always
from tests.integration.support.audit_jobs import ShortTime, lines
from tests.integration.support.http_client import GENERATE_COPY
from tests.integration.support.limit_calls import MovedClock, caller_of
from tests.integration.support.newer_version import Change, as_they_are, beside_unknown_kinds, with_unknown_fields
from tests.integration.support.pipeline import DAY_MS, limit_state
from tests.integration.support.stored_items import (
    ROUTES,
    TENANT,
    Clinic,
    at_the_frozen_moment,
    frozen_items,
    frozen_objects,
    holds,
    job_id,
    put_back,
)

COPY = GENERATE_COPY.removeprefix("/api/marketing/")
COPY_REQUEST = {"prompt": "Limpeza de pele com desconto", "provider": "anthropic"}


@pytest.fixture(params=[as_they_are, with_unknown_fields, beside_unknown_kinds])
def clinic(request: pytest.FixtureRequest, stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Generator[Clinic]:
    change: Change = request.param
    with at_the_frozen_moment(monkeypatch, stack) as clinic:
        items, contents = frozen_items(), frozen_objects()
        change(items, contents)
        put_back(items, contents)
        yield clinic


def open_record() -> AuditRecord:
    (record,) = [record for record in audit_store().between(TENANT, 0, 2**42) if record.status is AuditStatus.OPEN]
    return record


def test_routes_return_what_they_returned(clinic: Clinic) -> None:
    for name, path in ROUTES.items():
        response = clinic.good("GET", path)

        assert holds(response, clinic.responses[name]), response


def test_cursor_continues_after_its_page(clinic: Clinic) -> None:
    cursor = clinic.responses["records"]["nextCursor"]

    response = clinic.good("GET", f"ai/audit-logs?limit=4&cursor={cursor}")

    assert holds(response, clinic.responses["more_records"]), response


def test_every_record_is_returned_with_its_content(clinic: Clinic) -> None:
    for frozen in clinic.responses["details"]:
        response = clinic.good("GET", f"ai/audit-logs/{frozen['id']}")

        assert holds({**response, "accesses": response["accesses"][: len(frozen["accesses"])]}, frozen), response
    statuses = {frozen["status"] for frozen in clinic.responses["details"]}
    assert statuses == {"open", "answered", "cached", "failed", "rejected"}
    assert any(len(frozen["prompt"]["messages"][0]["text"]) > 20_000 for frozen in clinic.responses["details"])


def test_files_of_an_export_exist(clinic: Clinic) -> None:
    response = clinic.good("GET", f"ai/audit-logs/jobs/{job_id('exported')}")

    frozen = clinic.responses["job_exported"]
    assert [file["records"] for file in response["files"]] == [file["records"] for file in frozen["files"]]
    assert len(lines(response)) == frozen["records"]


def test_cached_completion_is_a_hit(clinic: Clinic) -> None:
    # Store it under the key that the same request has today: the key changes with the prompts.
    record = next(each for each in clinic.responses["details"] if each["status"] == "cached")
    old = audit_store().load(TENANT, record["id"])
    assert old
    assert old.cache_key
    call = model_call(CopyRequest.model_validate_json(b'{"prompt": "Limpeza de pele com desconto"}'))
    key = cache_key_for(caller_of(TENANT), call, "anthropic", "claude-haiku-4-5")
    item = tables.cache().get(keys.cached_response(TENANT, old.cache_key))
    assert item
    tables.cache().put({**item, **keys.cached_response(TENANT, key)})

    response = clinic.good("POST", COPY, COPY_REQUEST, "ana")

    same = {name: value for name, value in clinic.responses["cached"].items() if name not in {"requestId", "latencyMs"}}
    assert response["cached"] is True
    assert holds(response, same), response
    assert clinic.stack.providers.count() == 0


def test_idempotency_key_replays_its_response(clinic: Clinic) -> None:
    response = clinic.good("POST", COPY, COPY_REQUEST, "ana", Idempotency_Key="frozen-answer")

    assert holds(response, clinic.responses["replayed"]), response
    assert clinic.stack.providers.count() == 0


def test_idempotency_key_replays_its_error(clinic: Clinic) -> None:
    request = {"prompt": "Um pedido que o provedor recusa", "provider": "anthropic"}

    reply = clinic.call("POST", COPY, request, "ana", Idempotency_Key="frozen-error")

    assert reply.status == 422
    assert holds(reply.body, clinic.responses["replayed_error"]), reply.body
    assert clinic.stack.providers.count() == 0


def test_idempotency_key_in_flight_reaches_no_provider(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"prompt": "Uma chamada que não termina", "provider": "anthropic"}
    monkeypatch.setattr("nexus_ai.gateway.idempotency.RESPONSE_S", 60)

    reply = clinic.call("POST", COPY, request, "ana", Idempotency_Key="frozen-claim")

    assert (reply.status, reply.body["code"]) == (409, "idempotency_in_flight")
    assert clinic.stack.providers.count() == 0


def test_new_call_uses_the_stored_orders_and_limits(clinic: Clinic) -> None:
    before = limit_state(TENANT)

    response = clinic.good("POST", COPY, {"prompt": "Um texto novo", "module": "agenda"}, "ana")

    assert response["provider"] == "groq"
    after = limit_state(TENANT)
    assert after.used(Limit.REQUESTS_PER_HOUR) == before.used(Limit.REQUESTS_PER_HOUR) + 1
    assert after.in_flight.keys() == before.in_flight.keys()


def test_sweep_closes_the_open_record_and_settles_it(clinic: Clinic) -> None:
    record, before = open_record(), limit_state(TENANT)
    (reservation,) = before.in_flight.values()

    clinic.sweep(later_ms=60_000)

    closed = audit_store().load(TENANT, record.id)
    assert closed
    assert closed.status is AuditStatus.ABANDONED
    assert [attempt.outcome for attempt in closed.attempts] == [Outcome.FAILED, Outcome.ABANDONED]
    assert closed.attempts[1].charged_tokens == reservation.amounts.tokens == 719
    after = limit_state(TENANT)
    assert (after.held, after.in_flight) == ((0, 0, 0), {})
    assert after.used(Limit.TOKENS_PER_DAY) == before.used(Limit.TOKENS_PER_DAY) + 719


def test_due_alerts_are_sent_once(clinic: Clinic) -> None:
    sent_before = len(clinic.stack.aws.mails())

    for _ in range(2):
        alert_dispatcher(MovedClock(clinic.now_ms)).dispatch_due(always)

    mails = [message_from_string(mail.raw_data, policy=policy) for mail in clinic.stack.aws.mails()[sent_before:]]
    subjects = sorted(mail["Subject"] for mail in mails if mail["To"] == "gerente@clinica.example")
    assert subjects == [
        "Nexus AI: usage reached 30% of your hourly request limit",
        "Nexus AI: your Groq API key stopped working",
    ]


def test_roll_ups_of_the_day_agree_with_its_records(clinic: Clinic) -> None:
    clinic.sweep(later_ms=60_000)
    days = ReconciliationQueue(tables.rate_limits())
    comparing = UsageReconciler(MovedClock(clinic.now_ms + 2 * DAY_MS), days, audit_store(), usage_store())

    assert comparing.reconcile_day(TENANT, "2026-11-30", always) == 0

    assert days.load(TENANT, "2026-11-30") is None


def test_queued_job_is_done(clinic: Clinic) -> None:
    event: dict[str, Any] = {"tenantId": TENANT, "jobId": job_id("queued")}

    runner.run_job(JobEvent.model_validate(event), ShortTime(1000))

    response = clinic.good("GET", f"ai/audit-logs/jobs/{job_id('queued')}")
    assert (response["status"], {line["userId"] for line in lines(response)}) == (JobStatus.DONE, {"ana"})
    assert {line["status"] for line in lines(response)} == {"answered"}


def test_settings_are_read_completely(clinic: Clinic) -> None:
    settings = SettingsStore(tables.settings()).load(TENANT, consistent=True)

    assert [name for name, config in settings.providers.items() if config.is_default] == ["anthropic"]
    assert settings.circuits["openai", "gpt-5-mini"].failures == 5
    assert settings.circuits["groq", "openai/gpt-oss-20b"].latency_ms is not None
    assert settings.alert_emails == ("gerente@clinica.example",)
