"""Test two versions over the same tables: this version neither breaks what a newer one wrote, nor breaks on it."""

import json
import zlib
from collections.abc import Generator
from typing import Any

import pytest

from local.providers.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.alerts.store import AlertStore, Crossing
from nexus_ai.audit.jobs import runner
from nexus_ai.audit.jobs.runner import JobEvent, UnknownJobVersionError
from nexus_ai.audit.jobs.store import TRIES
from nexus_ai.audit.store import audit_store
from nexus_ai.aws import lambda_, s3
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.keys import Key
from nexus_ai.aws.dynamodb.table import Item, put_together
from nexus_ai.cache.idempotency import IdempotencyStore
from nexus_ai.limits.ceilings import CeilingStore, deployment_ceiling
from nexus_ai.limits.models import Limit
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.errors import LimitInFlight
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.settings.store import SettingsStore
from nexus_ai.usage.reconciler import UsageReconciler
from nexus_ai.usage.reconciliation_queue import ReconciliationQueue
from nexus_ai.usage.store import usage_store
from tests.integration.support.alert_runs import alert_dispatcher, always
from tests.integration.support.audit_jobs import ShortTime, leave_jobs_queued, lines
from tests.integration.support.http_client import GENERATE_COPY
from tests.integration.support.limit_calls import MovedClock, caller_of, reservation_request, service
from tests.integration.support.newer_version import (
    ADDED,
    DUE_S,
    OTHER_RESERVATIONS,
    VALUE,
    Change,
    beside_unknown_kinds,
    with_unknown_fields,
)
from tests.integration.support.pipeline import DAY_MS, limit_state
from tests.integration.support.stored_items import (
    PROVIDER_KEY,
    TENANT,
    Clinic,
    Items,
    Objects,
    at_the_frozen_moment,
    frozen_items,
    frozen_objects,
    job_id,
    put_back,
    read_json,
    stored_items,
)

# Each test calls many routes, which takes longer than `make test` allows.
pytestmark = pytest.mark.slow

COPY = GENERATE_COPY.removeprefix("/api/marketing/")
DAY = "2026-11-30"
THROTTLED = {"code": "throttled", "model": "openai/gpt-oss-20b", "latency_ms": 1, "at_ms": 1}
REFUSED = {"prompt": "Um pedido que o provedor recusa", "provider": "anthropic"}
MISTRAL_STEP = {"provider": "mistral", "model": "mistral-large", "region": "eu"}


@pytest.fixture
def clinic(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Generator[Clinic]:
    """Store the frozen items of the tenant, unchanged until a test changes them."""
    with at_the_frozen_moment(monkeypatch, stack) as clinic:
        put_back(frozen_items(), frozen_objects())
        yield clinic


def store_changed(clinic: Clinic, *changes: Change) -> None:
    items, contents = frozen_items(), frozen_objects()
    for change in changes:
        change(items, contents)
    put_back(items, contents)
    clinic.forget()


def set_fields_of(clinic: Clinic, table: str, sort_key: str, **fields: Any) -> None:
    """Let a newer version write fields of one of the tenant's items, in any partition."""

    def change(items: Items, _: Objects) -> None:
        (item,) = [item for item in items[table] if item["SK"] == sort_key]
        item |= fields

    store_changed(clinic, change)


def item_of(table: str, sort_key: str) -> Item:
    (item,) = [item for item in stored_items()[table] if item["SK"] == sort_key]
    return item


def record_of(status: str) -> str:
    return next(str(each["id"]) for each in read_json("responses")["details"] if each["status"] == status)


def comparing(clinic: Clinic) -> UsageReconciler:
    days = ReconciliationQueue(tables.rate_limits())
    return UsageReconciler(MovedClock(clinic.now_ms + 2 * DAY_MS), days, audit_store(), usage_store())


# What this version writes keeps what the newer one has written.


# Items that are written completely; the docstring of each writer gives the reason.
REPLACED_ITEMS = {"default", "due", "sweep", f"check#{DAY}#America/Manaus", "alert#key_failed#anthropic"}


def test_no_write_removes_fields_of_a_newer_version(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    store_changed(clinic, with_unknown_fields)
    before = stored_items()

    configure(clinic)
    call_models(clinic)
    work_on_jobs(clinic, monkeypatch)
    clinic.sweep(later_ms=60_000)
    alert_dispatcher(MovedClock(clinic.now_ms)).dispatch_due(always)
    correct_a_roll_up(clinic)

    now = {(name, item["PK"], item["SK"]): item for name, items in stored_items().items() for item in items}
    changed_items = 0
    for name, items in before.items():
        for item in items:
            after = now.get((name, item["PK"], item["SK"]))
            if after is None or item["SK"] in REPLACED_ITEMS:
                continue
            assert after.get(ADDED) == VALUE, item["SK"]
            changed_items += after != item
    # The steps above write at least this many items.
    assert changed_items >= 18
    limits = now["rate_limits", TENANT, "limits"]
    assert [limits[name][3:] for name in ("maxima", "remaining", "held", "ends")] == [[7]] * 4
    assert limits["inFlight"] == OTHER_RESERVATIONS
    attempts = now["audit_logs", TENANT, record_of("open")]["attempts"]
    assert [attempt.get(ADDED) for attempt in attempts] == [VALUE, None]


def configure(clinic: Clinic) -> None:
    config: dict[str, Any] = {"apiKey": PROVIDER_KEY, "model": "gpt-5-mini", "validate": False}
    clinic.good("PUT", "ai/configs/openai", config)
    clinic.good("POST", "ai/configs/test", {"provider": "groq"})
    clinic.good("PUT", "ai/configs/anthropic", {"isDefault": True})
    orders = {"*": {"providers": [{"provider": "anthropic"}, {"provider": "groq"}]}}
    clinic.good("PUT", "ai/fallback-config", {"modules": orders})
    clinic.good("PUT", "ai/preferences", {"mailLanguage": "pt-BR", "prices": []})
    limits = {"requestsPerHour": 50, "timeZone": "America/Bahia", "alertThresholds": [25, 90]}
    clinic.good("PUT", "ai/rate-limits", limits)
    ceilings = CeilingStore(tables.rate_limits(), deployment_ceiling(get_settings()))
    ceilings.save(TENANT, {"tokens_per_day": 10**6}, frozenset({"requests_per_hour"}))


def call_models(clinic: Clinic) -> None:
    clinic.stack.providers.script(ProviderName.ANTHROPIC, Fail(FailureKind.SERVER_ERROR))
    completion = clinic.good("POST", COPY, {"prompt": "Um texto novo", "provider": "anthropic"}, "ana")
    assert completion["fallback"]["used"] is True
    clinic.good("POST", COPY, {"prompt": "Um texto novo", "provider": "groq", "module": "agenda"}, "ana")
    clinic.good("POST", COPY, {"prompt": "Um texto novo", "provider": "anthropic"}, "ana")


def work_on_jobs(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    run(job_id("queued"))
    # A job with a file of the newer version, which continues.
    job = keys.audit_job(TENANT, job_id("exported"))
    tables.audit_logs().set_fields(job, {"status": "queued", "after": None, "records": 0})
    run(job_id("exported"))
    files = item_of("audit_logs", job_id("exported"))["files"]
    assert [file.get(ADDED) for file in files] == [VALUE, None]
    assert len({file["name"] for file in files}) == 2
    leave_jobs_queued(monkeypatch)
    clinic.good("DELETE", "ai/audit-logs?userId=bia")


def run(job: str) -> None:
    runner.run_job(JobEvent.model_validate({"tenantId": TENANT, "jobId": job}), ShortTime(1000))


def correct_a_roll_up(clinic: Clinic) -> None:
    wrong: Key = {"PK": TENANT, "SK": f"{DAY}#groq#openai/gpt-oss-120b#marketing"}
    tables.usage().update(wrong, "ADD requests :one", {":one": 1})
    # A roll-up without a record, which has a counter of the newer version.
    stray: Item = {"PK": TENANT, "SK": f"{DAY}#openai#gpt-5-mini#vendas", "requests": 2, "images": 4}
    tables.usage().put(stray)

    assert comparing(clinic).reconcile_day(TENANT, DAY, always) == 2

    assert item_of("usage", wrong["SK"])[ADDED] == VALUE
    after = item_of("usage", stray["SK"])
    assert (after["images"], "requests" in after) == (4, False)


def test_sums_with_other_counters_are_started_again(clinic: Clinic) -> None:
    days = ReconciliationQueue(tables.rate_limits())
    found = days.load(TENANT, DAY)
    assert found
    assert found.progress

    store_changed(clinic, with_unknown_fields)

    grown = days.load(TENANT, DAY)
    assert grown
    assert grown.progress is None


def test_false_alert_with_unknown_fields_is_withdrawn(clinic: Clinic) -> None:
    store_changed(clinic, with_unknown_fields)
    state = limit_state(TENANT)
    crossing = Crossing.model_validate(
        {
            "limit": "tokensPerDay",
            "threshold": 80,
            "window_end": state.ends[Limit.TOKENS_PER_DAY],
            "used": 1,
            "max": 1,
            "settled_by": 0,
        }
    )
    store = AlertStore(tables.rate_limits())
    store.note_crossing(TENANT, crossing, clinic.now_ms // 1000)
    content = {**crossing.model_dump(mode="json"), ADDED: VALUE}
    tables.rate_limits().set_fields(keys.alert(TENANT, crossing.name), {"content": content})

    alert_dispatcher(MovedClock(clinic.now_ms)).dispatch_due(always)

    assert tables.rate_limits().get(keys.alert(TENANT, crossing.name), consistent=True) is None


def test_event_with_unknown_fields_is_passed_on_unchanged(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    def record_invocation(_: str, event: object) -> None:
        sent.append(event)

    monkeypatch.setattr(lambda_, "invoke_later", record_invocation)
    event = {"tenantId": TENANT, "jobId": job_id("queued"), "attempt": 2}

    runner.run_job(JobEvent.model_validate(event), ShortTime(0))

    assert sent == [event]


# Kinds that only the newer version knows.


def test_marks_and_alerts_of_unknown_kinds_are_left_alone(clinic: Clinic) -> None:
    store_changed(clinic, beside_unknown_kinds)
    clinic.sweep(later_ms=60_000)
    alert_dispatcher(MovedClock(clinic.now_ms)).dispatch_due(always)
    comparing(clinic).reconcile_due(always)

    now = {item["SK"]: item for item in stored_items()["rate_limits"]}
    for sort_key in ("limits#key#1", "alert#forecast#costPerMonthUsd", "alert#limit#callsPerMinute#80#1", "recheck"):
        assert now[sort_key]["dueAt"] == DUE_S
        assert "lease" not in now[sort_key]


def test_mark_of_an_unknown_kind_makes_no_tenant_due(clinic: Clinic) -> None:
    store_changed(clinic, beside_unknown_kinds)
    table = tables.rate_limits()
    table.update(keys.limits(TENANT), "REMOVE dueShard, dueAt", {})
    table.delete(keys.due_mark(TENANT))

    assert TENANT not in SweepQueue(table).active(keys.due_shard(TENANT), clinic.now_ms // 1000)


def test_reservations_of_another_form_count_as_in_flight(clinic: Clinic) -> None:
    set_fields_of(clinic, "rate_limits", "limits", inFlight=OTHER_RESERVATIONS)

    with pytest.raises(LimitInFlight):
        service(MovedClock(clinic.now_ms), max_in_flight=len(OTHER_RESERVATIONS)).reserve(
            caller_of(TENANT), reservation_request()
        )


def test_sweep_that_ended_in_an_unknown_shard_starts_again(clinic: Clinic) -> None:
    tables.rate_limits().put({**keys.unfinished_sweep(), "shard": "due#99"})

    assert SweepQueue(tables.rate_limits()).shards() == keys.due_shards()


def test_erasure_removes_content_parts_of_a_newer_version(clinic: Clinic) -> None:
    store_changed(clinic, beside_unknown_kinds)
    (tools,) = [item["SK"] for item in stored_items()["audit_logs"] if item["SK"].endswith("#tools")]
    record = tools.partition("#")[0]
    name = keys.audit_object(TENANT, record, "tools")
    tables.audit_logs().set_fields(keys.audit_content(TENANT, record, "tools"), {"object": name})

    audit_store().erase_contents(TENANT, [record])

    assert [item["SK"] for item in stored_items()["audit_logs"] if item["SK"].startswith(f"{record}#") and
            item["PK"] == keys.audit_contents(TENANT)] == []  # fmt: skip
    with pytest.raises(s3.ObjectMissing):
        s3.get(name)


def test_erasure_withdraws_exports_of_unknown_job_kinds(clinic: Clinic) -> None:
    store_changed(clinic, beside_unknown_kinds)
    job = keys.audit_job(TENANT, job_id("exported"))
    tables.audit_logs().set_fields(job, {"kind": "export_to_drive", "with_content": True})
    erasure = keys.audit_job(TENANT, job_id("erased"))
    tables.audit_logs().set_fields(erasure, {"status": "queued", "after": None, "records": 0})

    run(job_id("erased"))

    assert item_of("audit_logs", job_id("erased"))["status"] == "done"
    exported = item_of("audit_logs", job_id("exported"))
    assert (exported["status"], exported["kind"]) == ("withdrawn", "export_to_drive")
    with pytest.raises(s3.ObjectMissing):
        s3.get(keys.export_object(TENANT, job_id("exported"), exported["files"][0]["name"]))
    assert item_of("audit_logs", "every-monday#1")["cron"] == "0 9 * * 1"


# Providers that only the newer version knows.


def with_mistral(items: Items, contents: Objects) -> None:
    """Add a provider that a newer version has saved: an order's step, an allowance and a price."""
    beside_unknown_kinds(items, contents)
    settings = {item["SK"]: item for item in items["settings"]}
    settings["fallback#*"]["steps"].insert(0, MISTRAL_STEP)
    settings["fallback#agenda"]["steps"] = [MISTRAL_STEP]
    settings["default"]["provider"] = "mistral"
    preferences = settings["preferences"]
    preferences["allowed_providers"].append("mistral")
    preferences["allowed_models"].append("mistral/mistral-large")
    price = {"input_per_million": 1, "output_per_million": 2, "per_image": 3}
    preferences["prices"]["mistral/mistral-large"] = price


def test_unknown_provider_is_skipped(clinic: Clinic) -> None:
    store_changed(clinic, with_mistral)

    assert clinic.good("GET", "ai/configs") == {
        **clinic.responses["configs"],
        "items": [{**config, "isDefault": False} for config in clinic.responses["configs"]["items"]],
    }
    orders = clinic.good("GET", "ai/fallback-config")["modules"]
    assert orders == {"*": clinic.responses["fallback"]["modules"]["*"]}
    assert clinic.good("GET", "ai/preferences") == clinic.responses["preferences"]
    # An order without a known provider is ignored: the general one applies.
    completion = clinic.good("POST", COPY, {"prompt": "Um texto novo", "module": "agenda"}, "ana")
    assert (completion["provider"], completion["fallback"]["used"]) == ("anthropic", False)


def test_order_with_a_provider_in_another_form_is_ignored(clinic: Clinic) -> None:
    def change(items: Items, _: Objects) -> None:
        items["settings"].append({"PK": TENANT, "SK": "provider#bedrock", "provider": "bedrock", "role": "models"})
        next(item for item in items["settings"] if item["SK"] == "fallback#agenda")["steps"] = [{"provider": "bedrock"}]

    store_changed(clinic, change)

    completion = clinic.good("POST", COPY, {"prompt": "Um texto novo", "module": "agenda"}, "ana")
    assert completion["provider"] == "anthropic"


def test_saving_settings_keeps_those_of_unknown_providers(clinic: Clinic) -> None:
    store_changed(clinic, with_mistral)
    orders = {"*": {"providers": [{"provider": "groq"}]}}
    preferences = {"allowedProviders": ["groq"], "allowedModels": None, "prices": []}

    clinic.good("PUT", "ai/fallback-config", {"modules": orders})
    response = clinic.good("PUT", "ai/preferences", preferences)

    assert (response["allowedProviders"], response["allowedModels"], response["prices"]) == (["groq"], None, [])
    steps = item_of("settings", "fallback#*")["steps"]
    assert [step["provider"] for step in steps] == ["groq", "mistral"]
    assert steps[1]["region"] == "eu"
    saved = item_of("settings", "preferences")
    assert saved["allowed_providers"] == ["groq", "mistral"]
    assert saved["allowed_models"] == ["mistral/mistral-large"]
    assert saved["prices"]["mistral/mistral-large"]["per_image"] == 3
    # Null allows every provider, including unknown ones.
    clinic.good("PUT", "ai/preferences", {"allowedProviders": None})
    assert item_of("settings", "preferences")["allowed_providers"] is None


def test_tenant_that_allows_only_unknown_providers_gets_none(clinic: Clinic) -> None:
    def change(items: Items, contents: Objects) -> None:
        with_mistral(items, contents)
        preferences = next(item for item in items["settings"] if item["SK"] == "preferences")
        preferences["allowed_providers"] = ["mistral"]

    store_changed(clinic, change)

    assert clinic.good("GET", "ai/preferences")["allowedProviders"] == []
    reply = clinic.call("POST", COPY, {"prompt": "Um texto novo"}, "ana")
    assert (reply.status, reply.body["code"]) == (403, "model_not_allowed")
    assert clinic.stack.providers.count() == 0


# Values that only the newer version knows.


def test_unknown_content_policy_stores_no_content(clinic: Clinic) -> None:
    set_fields_of(clinic, "settings", "preferences", audit_content="hashed")

    completion = clinic.good("POST", COPY, {"prompt": "Um texto novo", "provider": "groq"}, "ana")

    response = clinic.good("GET", f"ai/audit-logs/{completion['requestId']}")
    assert (response["prompt"], response["answer"]) == (None, None)
    assert clinic.good("GET", "ai/preferences")["auditContent"] == "none"
    assert item_of("settings", "preferences")["audit_content"] == "hashed"


@pytest.mark.parametrize(
    ("sort_key", "fields", "path"),
    [
        ("preferences", {"mail_language": "es", "cache_ttl_days": 90}, "ai/preferences"),
        ("preferences", {"time_zone": "Mars/Olympus"}, "ai/usage-stats"),
        ("fallback#agenda", {"strategy": "sticky"}, "ai/fallback-config"),
        ("alerts", {"thresholds": [1, 150]}, "ai/rate-limits"),
        ("stopped#ninguem@clinica.example", {"reason": "unsubscribed"}, "ai/rate-limits"),
        (
            "provider#groq",
            {"last_test": {"code": "throttled", "model": "m", "latency_ms": 1, "at_ms": 1}},
            "ai/configs",
        ),
    ],
)
def test_unknown_value_of_a_setting_fails_nothing(
    clinic: Clinic, sort_key: str, fields: dict[str, Any], path: str
) -> None:
    set_fields_of(clinic, "settings", sort_key, **fields)

    clinic.good("GET", path)
    clinic.good("POST", COPY, {"prompt": "Um texto novo", "module": "agenda"}, "ana")
    sent_before = len(clinic.stack.aws.mails())
    alert_dispatcher(MovedClock(clinic.now_ms)).dispatch_due(always)

    assert len(clinic.stack.aws.mails()) >= sent_before + 2
    settings = SettingsStore(tables.settings()).load(TENANT, consistent=True)
    assert settings.alert_emails == ("gerente@clinica.example",)
    assert fields.items() <= item_of("settings", sort_key).items()


def test_limits_in_an_unknown_time_zone_hold(clinic: Clinic) -> None:
    set_fields_of(clinic, "rate_limits", "limits", tz="Mars/Olympus", ends=[1, 1, 1])

    clinic.good("POST", COPY, {"prompt": "Um texto novo", "provider": "groq"}, "ana")

    assert clinic.good("GET", "ai/rate-limits")["timeZone"] == "Mars/Olympus"
    assert limit_state(TENANT).used(Limit.REQUESTS_PER_HOUR) == 1


def test_day_of_an_unknown_time_zone_stays_due(clinic: Clinic) -> None:
    mark: Item = {**keys.usage_check(TENANT, DAY, "Mars/Olympus"), "dueShard": keys.usage_check_shard(TENANT)}
    tables.rate_limits().put({**mark, "dueAt": DUE_S})
    before = stored_items()["usage"]

    assert comparing(clinic).reconcile_day(TENANT, DAY, always) == 0

    assert stored_items()["usage"] == before
    assert item_of("rate_limits", mark["SK"])["dueAt"] == DUE_S


def test_record_in_an_unknown_status_is_listed_and_unchanged(clinic: Clinic) -> None:
    record = record_of("rejected")

    def change(items: Items, _: Objects) -> None:
        next(item for item in items["audit_logs"] if item["SK"] == record)["status"] = "moderated"
        # The frozen progress was added up before this change.
        for item in items["rate_limits"]:
            item.pop("progress", None)

    store_changed(clinic, change)
    day_before = stored_items()["usage"]

    listed = clinic.good("GET", "ai/audit-logs?limit=100")["items"]
    clinic.sweep(later_ms=60_000)
    swept = stored_items()["usage"]
    assert comparing(clinic).reconcile_day(TENANT, DAY, always) == 0

    assert len(listed) == len(clinic.responses["details"])
    assert [each["id"] for each in listed if each["status"] == "moderated"] == [record]
    assert clinic.good("GET", f"ai/audit-logs/{record}")["status"] == "moderated"
    assert item_of("audit_logs", record)["status"] == "moderated"
    # The sweep adds the open record. Reconciliation cannot know what the other record adds.
    assert swept != day_before
    assert stored_items()["usage"] == swept


def test_record_in_an_unknown_status_is_charged_in_full(clinic: Clinic) -> None:
    set_fields_of(clinic, "audit_logs", record_of("open"), status="streaming")
    before = limit_state(TENANT)
    (reservation,) = before.in_flight.values()

    clinic.sweep(later_ms=60_000)

    after = limit_state(TENANT)
    assert after.in_flight == {}
    assert after.used(Limit.TOKENS_PER_DAY) == before.used(Limit.TOKENS_PER_DAY) + reservation.amounts.tokens
    assert item_of("audit_logs", record_of("open"))["status"] == "streaming"


def test_unknown_outcomes_and_failures_are_returned_unchanged(clinic: Clinic) -> None:
    record = record_of("failed")
    attempt = {"provider": "mistral", "model": "m", "outcome": "rerouted", "error_code": "quota_paused"}
    set_fields_of(clinic, "audit_logs", record, attempts=[attempt])

    response = clinic.good("GET", f"ai/audit-logs/{record}")["attempts"]

    assert [(each["provider"], each["outcome"], each["errorCode"]) for each in response] == [
        ("mistral", "rerouted", "quota_paused")
    ]


def test_unknown_access_kind_is_returned_as_read(clinic: Clinic) -> None:
    record = record_of("answered")
    frozen = next(each for each in clinic.responses["details"] if each["id"] == record)
    access = next(
        item["SK"] for item in stored_items()["audit_logs"]
        if item["PK"] == keys.audit_accesses(TENANT) and item["SK"].startswith(record)
    )  # fmt: skip
    set_fields_of(clinic, "audit_logs", access, kind="shared")

    response = clinic.good("GET", f"ai/audit-logs/{record}")["accesses"]

    assert {each["kind"] for each in response} == {"read"}
    assert len(response) == len(frozen["accesses"]) + 1


def test_job_in_an_unknown_status_counts_as_running(clinic: Clinic) -> None:
    now_ms = SystemClock().now_ms()
    set_fields_of(clinic, "audit_logs", job_id("queued"), status="paused", updated_at_ms=now_ms)

    run(job_id("queued"))

    assert clinic.good("GET", f"ai/audit-logs/jobs/{job_id('queued')}")["status"] == "running"
    assert item_of("audit_logs", job_id("queued"))["status"] == "paused"
    set_fields_of(clinic, "audit_logs", job_id("queued"), status="paused", updated_at_ms=now_ms - 3_600_000)
    assert clinic.good("GET", f"ai/audit-logs/jobs/{job_id('queued')}")["status"] == "failed"


@pytest.mark.parametrize("kind", ["export", "erasure"])
def test_job_with_an_unknown_criterion_changes_nothing(clinic: Clinic, kind: str) -> None:
    criteria = {"from_ms": 0, "to_ms": clinic.now_ms, "user_id": "ana", "task": "translate"}
    set_fields_of(clinic, "audit_logs", job_id("queued"), kind=kind, wanted=criteria)
    before = [item for item in stored_items()["audit_logs"] if item["SK"] != job_id("queued")]

    for _ in range(TRIES):
        with pytest.raises(UnknownJobVersionError):
            run(job_id("queued"))

    assert [item for item in stored_items()["audit_logs"] if item["SK"] != job_id("queued")] == before
    response = clinic.good("GET", f"ai/audit-logs/jobs/{job_id('queued')}")
    assert (response["status"], response["records"], lines(response)) == ("failed", 0, [])
    assert item_of("audit_logs", job_id("queued"))["wanted"] == criteria


def test_job_of_an_unknown_kind_is_left_to_its_version(clinic: Clinic) -> None:
    set_fields_of(clinic, "audit_logs", job_id("queued"), kind="anonymisation")

    with pytest.raises(UnknownJobVersionError):
        run(job_id("queued"))

    assert item_of("audit_logs", job_id("queued"))["status"] == "running"
    assert clinic.call("GET", f"ai/audit-logs/jobs/{job_id('queued')}").status == 404


def test_unknown_error_is_replayed_unchanged(clinic: Clinic) -> None:
    error: dict[str, object] = {
        "code": "model_retired",
        "status": 410,
        "title": "Gone",
        "detail": "Choose another.",
        "extra": {},
    }
    store_end(error=error)

    reply = clinic.call("POST", COPY, REFUSED, "ana", Idempotency_Key="frozen-error")

    response = {name: reply.body[name] for name in ("status", "code", "title", "detail")}
    assert response == {"status": 410, "code": "model_retired", "title": "Gone", "detail": "Choose another."}
    assert (reply.status, clinic.stack.providers.count()) == (410, 0)


def test_stored_completion_that_breaks_the_contract_is_an_error(clinic: Clinic) -> None:
    store_end(text=json.dumps({"offers": []}), provider="anthropic", model="claude-haiku-4-5")

    reply = clinic.call("POST", COPY, REFUSED, "ana", Idempotency_Key="frozen-error")

    assert (reply.status, reply.body["code"]) == (502, "invalid_answer")
    assert clinic.stack.providers.count() == 0


def store_end(**end: Any) -> None:
    """Store this end of the request with the key "frozen-error"."""
    store = IdempotencyStore(tables.cache())
    record = store.load(TENANT, "frozen-error")
    assert record
    put_together(store.writes(TENANT, "frozen-error", record.model_copy(update={"end": end}), SystemClock().now_ms()))


def test_cached_completion_in_another_encoding_is_a_miss(clinic: Clinic) -> None:
    request = {"prompt": "Um texto novo", "provider": "groq"}
    clinic.good("POST", COPY, request, "ana")
    record = clinic.good("GET", "ai/audit-logs?limit=1")["items"][0]["id"]
    stored = audit_store().load(TENANT, record)
    assert stored
    assert stored.cache_key
    key = keys.cached_response(TENANT, stored.cache_key)
    tables.cache().set_fields(key, {"body": b"zstd:" + zlib.compress(b"{}")})

    assert clinic.good("POST", COPY, request, "ana")["cached"] is False
