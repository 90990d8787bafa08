"""Test that the policies in template.yaml allow the AWS calls of each function, and no others."""

import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any

import pytest

from functions.mail_events.app import handler as mail_events
from functions.maintain.app import handler as maintain
from local.providers.behaviours import Answer, Fail
from local.stack import LocalStack
from local.template import Template
from nexus_ai.aws import clients
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.net.aws_transport import Request, Response, Send
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.settings.store import SettingsStore
from tests.integration.alerts.test_mail_events import bounce_event
from tests.integration.support.alert_runs import save_alert_settings
from tests.integration.support.audit_jobs import leave_jobs_queued, run_job_now
from tests.integration.support.aws_calls import intercepted_calls
from tests.integration.support.http_client import ask
from tests.integration.support.pipeline import at_once, copy, set_limits
from tests.unit.http.http_events import Context

PARAMETERS = {"TokenIssuer": "https://i.example", "TokenAudience": "a", "TokenJwksUrl": "https://i.example/keys"}

_RANDOM = Random(7)
# Too long for an item of a table, even compressed.
LONG = "".join(chr(_RANDOM.randrange(0x4E00, 0x9FA5)) for _ in range(15_000))


def resources(service: str, operation: str, params: dict[str, Any]) -> Iterator[str]:
    """Yield the logical ids of the resources of a call, with the part that a policy names."""
    settings = get_settings()
    tables = {
        settings.settings_table: "SettingsTable",
        settings.rate_limits_table: "RateLimitsTable",
        settings.cache_table: "CacheTable",
        settings.usage_table: "UsageTable",
        settings.audit_logs_table: "AuditLogsTable",
    }
    match service:
        case "kms":
            yield "ProviderKeysKey"
        case "s3":
            names = [params["Key"]] if "Key" in params else [each["Key"] for each in params["Delete"]["Objects"]]
            yield from {object_part(name) for name in names}
        case "lambda":
            yield str(params["FunctionName"]).rpartition(":")[2]
        case _ if operation in {"BatchGetItem", "BatchWriteItem"}:
            yield from (tables[name] for name in params["RequestItems"])
        case _ if operation == "TransactWriteItems":
            yield from (tables[put["Put"]["TableName"]] for put in params["TransactItems"])
        case _ if "IndexName" in params:
            yield f"{tables[params['TableName']]}/index/{params['IndexName']}"
        case _:
            yield tables[params["TableName"]]


def object_part(name: str) -> str:
    if name.startswith("-/exports/"):
        return "ContentBucket/-/exports/*"
    return "ContentBucket/-/health" if name == keys.PROBE_OBJECT else "ContentBucket/*"


def actions(service: str, operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield the actions that a call needs, and their resource if it is not that of the call.

    Source: docs.aws.amazon.com, service authorization reference.
    """
    match service, operation:
        case "s3", "DeleteObjects":
            yield "s3:DeleteObject", None
        case "lambda", "Invoke":
            yield "lambda:InvokeFunction", None
        case "s3", "GetObject":
            yield "s3:GetObject", None
            if object_part(params["Key"]) == "ContentBucket/*":
                # With this action a missing object is a 404, and without it a 403.
                yield "s3:ListBucket", "ContentBucket"
        case "dynamodb", "TransactWriteItems":
            # A transaction needs the actions of its operations (docs.aws.amazon.com, "IAM with DynamoDB transactions").
            yield "dynamodb:PutItem", None
        case _:
            yield f"{service}:{operation}", None


@contextmanager
def recorded(tenant: str) -> Generator[set[tuple[str, str]]]:
    """Collect every action and resource of this process while the context is open.

    Calls that name another tenant are left out, because jobs of other tests may still run.
    """
    calls: set[tuple[str, str]] = set()

    def record(service: str, operation: str, params: dict[str, Any]) -> None:
        if tenant not in (named := str(params)) and "tenant-" in named:
            return
        for action, other in actions(service, operation, params):
            calls.update((action, other or resource) for resource in resources(service, operation, params))

    def of_json(service: str) -> Callable[[Request, Send], Response]:
        def intercept(request: Request, send: Send) -> Response:
            record(service, request.operation, json.loads(request.body))
            return send(request)

        return intercept

    def of_botocore(params: dict[str, Any], model: Any, **_: object) -> None:
        record(str(model.service_model.service_name), str(model.name), params)

    sdk_clients: list[Any] = [clients.s3(), clients.lambda_()]
    with ExitStack() as around:
        around.enter_context(intercepted_calls(clients.dynamodb(), of_json("dynamodb")))
        around.enter_context(intercepted_calls(clients.kms(), of_json("kms")))
        for client in sdk_clients:
            client.meta.events.register("before-parameter-build", of_botocore)
            around.callback(client.meta.events.unregister, "before-parameter-build", of_botocore)
        yield calls


def part(reference: str) -> str:
    """Return `${ContentBucket.Arn}/*` as `ContentBucket/*`."""
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", reference)


def granted(function: str) -> set[tuple[str, str]]:
    template = Template(PARAMETERS, region="us-east-1")
    found: set[tuple[str, str]] = set()
    for policy in template.functions()[function].get("Policies", []):
        for statement in policy["Statement"]:
            reference = statement["Resource"]
            resource = reference["Fn::GetAtt"][0] if "Fn::GetAtt" in reference else part(reference["Fn::Sub"])
            found |= {(action, resource) for action in statement["Action"]}
    return found


@pytest.fixture
def calls(stack: LocalStack, tenant: str) -> set[tuple[str, str]]:
    """Return the calls of requests with every status and error."""
    stack.token(tenant)
    with recorded(tenant) as first:
        copy(stack, tenant)
        copy(stack, tenant)
    set_limits(tenant)
    with recorded(tenant) as failing:
        # The second request waits for the end of the first one.
        stack.providers.always(ProviderName.OPENAI, Answer(delay_s=0.5))
        at_once(2, lambda _: copy(stack, tenant, {"prompt": LONG}, Idempotency_Key="first"))
        stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))
        for attempt in range(6):
            copy(stack, tenant, {"prompt": f"another {attempt}"})
        for provider in ProviderName:
            stack.providers.always(provider, Fail(FailureKind.RATE_LIMITED))
        copy(stack, tenant, {"prompt": "all providers fail"}, Idempotency_Key="second")
    set_limits(tenant, requests=0)
    with recorded(tenant) as rejected:
        copy(stack, tenant, {"prompt": "blocked"}, Idempotency_Key="third")
    return first | failing | rejected


def test_policy_of_generate_copy_allows_exactly_its_calls(calls: set[tuple[str, str]]) -> None:
    assert calls <= granted("GenerateCopyFunction"), "missing in the policy"
    assert granted("GenerateCopyFunction") <= calls, "granted but never used"


def test_policy_of_usage_stats_allows_exactly_its_calls(stack: LocalStack, tenant: str) -> None:
    token = stack.token(tenant, roles=["admin"])
    with recorded(tenant) as calls:
        assert ask(stack.url, "GET", "/api/marketing/ai/usage-stats", token=token).status == 200

    assert calls == granted("UsageStatsFunction")


def test_policy_of_the_scheduled_function_allows_its_calls(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_limits(tenant, requests=1)
    save_alert_settings(tenant)
    copy(stack, tenant)

    with recorded(tenant) as calls:
        maintain({}, Context(290_000))
        maintain({}, Context(1))

    assert calls <= granted("MaintainFunction")
    assert ("dynamodb:PutItem", "RateLimitsTable") in calls, "stores the shard at which the next run continues"
    assert ("dynamodb:Query", "SettingsTable") in calls, "reads the addresses of alerts"


def test_policy_of_mail_events_allows_exactly_its_calls(stack: LocalStack, tenant: str) -> None:
    SettingsStore(tables.settings()).change_alerts(tenant, {"emails": ["ninguem@clinica.example"]})

    with recorded(tenant) as calls:
        mail_events(bounce_event(tenant), Context())

    assert calls == granted("MailEventsFunction")


def test_policies_of_audit_functions_allow_exactly_their_calls(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_ai.audit.jobs.erasure.CALLS_END_AFTER_MS", 0)
    record = copy(stack, tenant, {"prompt": LONG}, Idempotency_Key="first").body["requestId"]
    token = stack.token(tenant, roles=["admin"])

    def ask_of(function: str, *lines: str, body: object = None) -> str:
        with recorded(tenant) as calls:
            replies = [ask(stack.url, *line.split(), token=token, body=body) for line in lines]
        assert {reply.status for reply in replies} <= {200, 202}
        assert calls == granted(function)
        return str(replies[-1].body.get("id"))

    audit_logs = "/api/marketing/ai/audit-logs"
    ask_of("ListAuditLogsFunction", f"GET {audit_logs}", f"GET {audit_logs}?userId=ana")
    ask_of("GetAuditLogFunction", f"GET {audit_logs}/{record}")
    leave_jobs_queued(monkeypatch)
    wanted = {"from": "2026-01-01T00:00:00Z", "content": True}
    exported = ask_of("ExportAuditLogsFunction", f"POST {audit_logs}/export", body=wanted)
    erased = ask_of("EraseAuditContentFunction", f"DELETE {audit_logs}?userId=ana")
    with recorded(tenant) as calls:
        run_job_now(tenant, exported)
    ask_of("GetAuditJobFunction", f"GET {audit_logs}/jobs/{exported}")
    with recorded(tenant) as more:
        run_job_now(tenant, erased)
        # A job that has failed is read again.
        monkeypatch.setattr("nexus_ai.aws.s3.put", None)
        failing = ask(stack.url, "POST", f"{audit_logs}/export", token=token, body=wanted).body["id"]
        with pytest.raises(TypeError):
            run_job_now(tenant, failing)
    assert calls | more == granted("RunAuditJobFunction") | granted("ExportAuditLogsFunction")
