"""Run the checks in order."""

from functools import partial
from typing import Any

from ops.smoke.api import CONFIGS, FALLBACK, PREFERENCES
from ops.smoke.changes import Undo
from ops.smoke.limit_checks import LimitChecks
from ops.smoke.outcomes import CheckFailed
from ops.smoke.record_checks import audit_logs_agree, usage_stats_agree
from ops.smoke.report import Report, progress
from ops.smoke.responses import ConnectionTest, Health, Preferences, ProviderConfig
from ops.smoke.run import Run
from ops.smoke.tasks import Task, tasks
from ops.smoke.tenant import MODULE, read_tenant

# A change of settings takes effect in every warm function within this time.
BIND_S = 30


def check_all(run: Run, report: Report) -> None:
    """Add a row to the report for each check.

    Raises:
        Refused: The tenant must not be used for a run.
        Interrupted: A signal has ended the run.
    """
    limits, row = LimitChecks(run), report.run
    row("health", lambda: _health(run))
    row("no token", lambda: _no_token(run), needs=("health",))
    row("tenant", lambda: _tenant(run), needs=("health",))
    row("provider config", lambda: _provider_config(run), needs=("tenant",))
    row("connection test", lambda: _connection_test(run), needs=("provider config",))
    row("test settings", lambda: _test_settings(run, limits), needs=("provider config",))
    for name, task in tasks(run.name).items():
        row(name, partial(_task, run, name, task), needs=("test settings",))
    row("cache hit", lambda: _cache_hit(run), needs=("generate-copy",))
    row("request limit", limits.request_limit, needs=("generate-copy",))
    row("e-mail", limits.mail, needs=("request limit",))
    row("usage-stats", lambda: usage_stats_agree(run), needs=("tenant",))
    row("audit-logs", lambda: audit_logs_agree(run), needs=("tenant",))


def _health(run: Run) -> str:
    health = run.api.send("GET", "/api/health", with_token=False).expect(200).read(Health)
    if health.status != "ok":
        raise CheckFailed(f"status is {health.status}")
    return f"version {health.version}, stage {health.stage}"


def _no_token(run: Run) -> str:
    run.api.send("GET", CONFIGS, with_token=False).expect(401)
    return "a request without a token got 401"


def _tenant(run: Run) -> str:
    run.tenant = read_tenant(run.api, run.options)
    return f"an administrator's token, no provider config for {run.options.provider}, limits with room"


def _provider_config(run: Run) -> str:
    path = f"{CONFIGS}/{run.options.provider}"
    body = {"apiKey": run.options.provider_key, "model": run.options.model}
    reply = run.changes.put(path, body, Undo("DELETE", path, None))
    run.note("provider config", reply)
    config = reply.expect(200).read(ProviderConfig)
    if config.last_test is None or not config.last_test.success:
        raise CheckFailed("the key was saved without a connection test")
    return f"{config.provider} with {config.model} saved, after a test of the key"


def _connection_test(run: Run) -> str:
    reply = run.api.send("POST", f"{CONFIGS}/test", {"provider": run.options.provider})
    run.note("connection test", reply)
    test = reply.expect(200).read(ConnectionTest)
    if not test.success:
        raise CheckFailed(f"the saved key does not work: {test.code}")
    return "the saved key works"


def _test_settings(run: Run, limits: LimitChecks) -> str:
    """Disable the fallback, which would hide a failure, and change preferences that would prevent a check."""
    before, provider = run.before, run.options.provider
    order = {"strategy": "ordered", "providers": [{"provider": provider}]}
    undo = Undo("PUT", FALLBACK, {"modules": {MODULE: before.fallback.get("modules", {}).get(MODULE)}})
    run.changes.put(FALLBACK, {"modules": {MODULE: order}}, undo).expect(200)
    preferences = _needed_preferences(run)
    if preferences:
        undo = Undo("PUT", PREFERENCES, {name: before.preferences[name] for name in preferences})
        run.changes.put(PREFERENCES, preferences, undo).expect(200)
    if run.options.mail_to:
        limits.set_alerts(run.options.mail_to)
    progress(f"  waiting {BIND_S} seconds until the settings take effect in every function")
    run.interruption.wait(BIND_S)
    changed = f"; {', '.join(preferences)} changed" if preferences else ""
    return f"the module {MODULE} calls {provider} only{changed}"


def _needed_preferences(run: Run) -> dict[str, Any]:
    """Return the required values of those preferences that would prevent a check."""
    found = run.api.get(PREFERENCES).expect(200).read(Preferences)
    needed: dict[str, Any] = {}
    if found.cache_ttl_days == 0:
        needed["cacheTtlDays"] = 1
    if found.audit_content == "none":
        needed["auditContent"] = "full"
    if found.allowed_providers is not None:
        needed["allowedProviders"] = None
    if found.allowed_models is not None:
        needed["allowedModels"] = None
    return needed


def _task(run: Run, name: str, task: Task) -> str:
    response = run.call(name, task).read(task.response)
    if response.cached:
        raise CheckFailed("the response came from the cache, though the request is new")
    if response.provider != run.options.provider or response.fallback.used:
        raise CheckFailed(f"{response.provider} was called in place of {run.options.provider}")
    cost = "cost unknown" if response.usage.cost_usd is None else f"${response.usage.cost_usd:f}"
    return f"{response.model}, {response.usage.total_tokens} tokens, {cost}"


def _cache_hit(run: Run) -> str:
    task, before = tasks(run.name)["generate-copy"], run.limits()
    response = run.call("cache hit", task).read(task.response)
    if not response.cached:
        raise CheckFailed("the repeated request was sent to the provider (cached=false)")
    if response.usage.cost_usd:
        raise CheckFailed(f"the cached response costs ${response.usage.cost_usd:f}")
    after = run.limits()
    for limit in ("tokensPerDay", "costPerMonthUsd"):
        was, now = before.window(limit), after.window(limit)
        if was.resets_at == now.resets_at and was.used != now.used:
            raise CheckFailed(f"the cached response used {now.used - was.used} of {limit}")
    return "the repeated request: cached=true, no tokens and no dollars used"
