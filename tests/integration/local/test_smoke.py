"""Test `make smoke` against the local stack: ok for what works, FAILED for what is broken, nothing left over."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from local.providers.behaviours import Answer, Fail
from local.stack import LocalStack
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.limits.service import LimitService
from nexus_ai.platform.errors import StoreUnavailable
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.settings.store import SettingsStore
from nexus_ai.usage.models import Counts, UsageEntry
from nexus_ai.usage.store import usage_store
from ops.smoke.interruption import Interruption
from tests.integration.support.pipeline import audit, records
from tests.integration.support.smoke_runs import USER, Smoke, at_each_pause, before_check

TASKS = {"generate-copy", "analyze-sentiment", "generate-summary", "translate"}
RECORDED = {"usage-stats", "audit-logs"}


@pytest.fixture(autouse=True)
def skip_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.CALLS_END_AFTER_MS", 0)
    monkeypatch.setattr("ops.smoke.record_checks.AGREE_S", 0)
    at_each_pause(monkeypatch, lambda _: time.sleep(0.01))


@pytest.fixture
def smoke(stack: LocalStack, tenant: str, capsys: pytest.CaptureFixture[str]) -> Smoke:
    return Smoke(stack, tenant, capsys)


def test_every_check_is_ok_and_nothing_is_left_over(smoke: Smoke) -> None:
    before = smoke.settings()
    result = smoke.run()

    assert result.status == 0, result.out
    assert {check for check, outcome in result.results.items() if outcome != "ok"} == {"e-mail"}
    assert result.results.keys() >= TASKS | RECORDED | {"health", "no token", "cache hit", "request limit"}
    assert smoke.settings() == before
    new_records = records(smoke.tenant)
    assert len(new_records) == 9
    assert all(audit().contents(smoke.tenant, record.id, 0) == [] for record in new_records)


def test_second_run_has_the_same_results(smoke: Smoke) -> None:
    first, second = smoke.run(), smoke.run()
    assert (first.status, second.status) == (0, 0), second.out
    assert second.results == first.results


def test_named_provider_and_model_are_called(smoke: Smoke) -> None:
    result = smoke.run(SMOKE_PROVIDER="openrouter", SMOKE_MODEL="openai/gpt-4o")

    assert result.status == 0, result.out
    called = {(call.provider, call.model) for call in smoke.stack.providers.calls}
    assert called == {("openrouter", "openai/gpt-4o")}


def test_mail_is_sent_and_alert_settings_are_restored(smoke: Smoke, monkeypatch: pytest.MonkeyPatch) -> None:
    at_each_pause(monkeypatch, lambda _: smoke.stack.tick())
    before, address = smoke.settings(), f"smoke@{smoke.tenant}.example"

    result = smoke.run(SMOKE_MAIL_TO=address)

    assert (result.status, result.results["e-mail"]) == (0, "ok"), result.out
    assert len([mail for mail in smoke.stack.aws.mails() if address in mail.destinations]) == 1
    assert smoke.settings() == before


def drop_cached_completions(tenant: str) -> None:
    for record in records(tenant):
        if record.cache_key:
            tables.cache().delete(keys.cached_response(tenant, record.cache_key))


def delete_a_record(tenant: str) -> None:
    (record,) = (record for record in records(tenant) if record.task == "translate")
    tables.audit_logs().delete(keys.audit_record(tenant, record.id))


def count_an_extra_call(tenant: str) -> None:
    day = records(tenant)[-1].day
    entry = UsageEntry(day=day, provider="openai", model="gpt-5-mini", module="smoke", counts=Counts(requests=1))
    usage_store().add(tenant, entry)


@pytest.mark.parametrize(
    ("check", "damage"),
    [("cache hit", drop_cached_completions), ("audit-logs", delete_a_record), ("usage-stats", count_an_extra_call)],
)
def test_broken_check_fails_with_status_1(
    smoke: Smoke, monkeypatch: pytest.MonkeyPatch, check: str, damage: Callable[[str], None]
) -> None:
    before = smoke.settings()
    before_check(monkeypatch, check, lambda: damage(smoke.tenant))

    result = smoke.run()

    assert (result.status, result.failed) == (1, {check}), result.out
    assert smoke.settings() == before


def test_limit_that_does_not_hold_fails(smoke: Smoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def change_nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(LimitService, "change", change_nothing)

    result = smoke.run()

    assert (result.status, result.failed) == (1, {"request limit"}), result.out


def test_failing_provider_fails_and_its_calls_are_still_compared(smoke: Smoke) -> None:
    failures = [Fail(FailureKind.BAD_REQUEST), Fail(FailureKind.SERVER_ERROR)]
    smoke.stack.providers.script(ProviderName.OPENAI, Answer(), Answer(), *failures)

    result = smoke.run()

    assert (result.status, result.failed) == (1, {"generate-copy", "analyze-sentiment"}), result.out
    assert {result.results[check] for check in RECORDED} == {"ok"}
    assert result.results["cache hit"] == result.results["request limit"] == "skipped"


def test_rejected_key_fails_and_is_not_saved(smoke: Smoke) -> None:
    result = smoke.run(SMOKE_PROVIDER_KEY="sk-invalid-key-of-a-test")

    assert (result.status, result.failed) == (1, {"provider config"}), result.out
    assert "rejected this API key" in result.detail("provider config")
    assert smoke.get("configs")["items"] == []


def test_absent_limit_is_absent_afterwards(smoke: Smoke) -> None:
    smoke.put("rate-limits", {"requestsPerHour": None, "tokensPerDay": None, "costPerMonthUsd": None})
    before = smoke.settings()

    result = smoke.run()

    assert (result.status, result.results["request limit"]) == (0, "ok"), result.out
    assert smoke.settings() == before


def test_conflicting_preferences_change_for_the_run_only(smoke: Smoke) -> None:
    preferences = {"cacheTtlDays": 0, "auditContent": "none", "allowedProviders": ["groq"]}
    smoke.put("preferences", preferences)
    before = smoke.settings()

    result = smoke.run()

    assert (result.status, result.results["cache hit"]) == (0, "ok"), result.out
    assert smoke.settings() == before


def test_content_of_a_user_with_other_requests_is_not_erased(smoke: Smoke) -> None:
    smoke.put("configs/groq", {"apiKey": "sk-of-the-tenant", "model": "openai/gpt-oss-20b", "validate": False})
    other = smoke.copy("groq")

    result = smoke.run()

    assert (result.status, result.results["content erased"]) == (0, "skipped"), result.out
    assert len(audit().contents(smoke.tenant, other, 0)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", ["test settings", "e-mail"])
def test_interrupted_run_restores_every_setting(
    smoke: Smoke, monkeypatch: pytest.MonkeyPatch, step: str, number: signal.Signals
) -> None:
    before, changed = smoke.settings(), list[object]()

    def interrupt(interruption: Interruption) -> None:
        lowered = smoke.get("rate-limits")["requestsPerHour"] < before["rate-limits"]["requestsPerHour"]
        if interruption.exit_status is None and (lowered or step == "test settings"):
            changed.append(smoke.settings())
            os.kill(os.getpid(), number)

    at_each_pause(monkeypatch, interrupt)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]

    result = smoke.run(SMOKE_MAIL_TO="smoke@clinic.example")

    assert (result.status, result.results[step]) == (128 + number, "skipped"), result.out
    assert result.results["settings restored"] == "ok"
    assert changed != [before]
    assert smoke.settings() == before
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_change_that_cannot_be_undone_fails_and_is_named(smoke: Smoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(SettingsStore, "delete_provider", broken)

    result = smoke.run()

    assert (result.status, result.failed) == (1, {"settings restored"}), result.out
    assert "DELETE /api/marketing/ai/configs/openai" in result.detail("settings restored")
    assert smoke.get("fallback-config") == {"modules": {}}


type Precondition = Callable[[Smoke], dict[str, str | None]]


def variable(name: str, value: str | None) -> Precondition:
    return lambda _: {name: value}


def user_token(smoke: Smoke) -> dict[str, str | None]:
    return {"NEXUS_TOKEN": smoke.stack.stranger_token(smoke.tenant, USER, ["user"])}


def expired_token(smoke: Smoke) -> dict[str, str | None]:
    return {"NEXUS_TOKEN": smoke.stack.token(smoke.tenant, USER, ["admin"], exp=int(time.time()) - 60)}


def token_that_expires_too_soon(smoke: Smoke) -> dict[str, str | None]:
    return {"NEXUS_TOKEN": smoke.stack.token(smoke.tenant, USER, ["admin"], exp=int(time.time()) + 60)}


def foreign_token(smoke: Smoke) -> dict[str, str | None]:
    return {"NEXUS_TOKEN": smoke.stack.token(smoke.tenant, USER, ["admin"], iss="https://other.example")}


def existing_config(smoke: Smoke) -> dict[str, str | None]:
    smoke.put("configs/openai", {"apiKey": "sk-of-the-tenant", "model": "gpt-5", "validate": False})
    return {}


def used_up_limit(smoke: Smoke) -> dict[str, str | None]:
    smoke.put("rate-limits", {"requestsPerHour": 3})
    return {}


def own_alert_addresses(smoke: Smoke) -> dict[str, str | None]:
    smoke.put("rate-limits", {"alertEmails": ["manager@clinic.example"]})
    return {"SMOKE_MAIL_TO": "smoke@clinic.example"}


@pytest.mark.parametrize(
    ("precondition", "reason"),
    [
        (variable("NEXUS_TOKEN", None), "NEXUS_TOKEN is missing"),
        (variable("SMOKE_PROVIDER_KEY", None), "SMOKE_PROVIDER_KEY is missing"),
        (variable("SMOKE_PROVIDER", "acme"), "SMOKE_PROVIDER must be one of openai, "),
        (variable("NEXUS_TOKEN", "sk-no-token"), "NEXUS_TOKEN is not a JSON Web Token"),
        (expired_token, "NEXUS_TOKEN expired"),
        (token_that_expires_too_soon, "NEXUS_TOKEN expires in"),
        (foreign_token, "does not accept NEXUS_TOKEN (401)"),
        (user_token, "NEXUS_TOKEN is not an administrator's (403)"),
        (existing_config, "the tenant has a provider config for openai"),
        (used_up_limit, "the tenant's requestsPerHour has 3 left"),
        (own_alert_addresses, "the tenant has alertEmails"),
    ],
)
def test_refused_run_gives_the_reason_and_changes_nothing(
    smoke: Smoke, precondition: Precondition, reason: str
) -> None:
    variables = precondition(smoke)
    before = smoke.settings()

    result = smoke.run(**variables)

    (line,) = (line for line in result.err.splitlines() if line.startswith("make smoke: "))
    assert reason in line
    assert (result.status, result.out) == (2, "")
    assert smoke.settings() == before
    assert smoke.stack.providers.count() == 0
