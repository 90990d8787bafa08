"""Test ceilings of the operator: no admin can exceed them, and a lowered one binds on the next call."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic.alias_generators import to_snake

from local.environment import environment
from local.stack import LocalStack
from local.template import Template
from nexus_ai.gateway.composition import compose
from nexus_ai.gateway.pipeline import Gateway
from nexus_ai.limits.models import LimitSettings
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.errors import LimitExceeded
from nexus_ai.platform.settings import get_settings
from ops import ceiling as command
from ops.deployment import Deployment
from tests.integration.support.http_client import Reply
from tests.integration.support.limit_calls import caller_of, reservation_request
from tests.integration.support.pipeline import copy, limit_state, set_limits
from tests.integration.support.settings_requests import RATE_LIMITS, call, refused_fields

PARAMETERS = {"TokenIssuer": "https://i.example", "TokenAudience": "a", "TokenJwksUrl": "https://i.example/keys"}


class _CloudFormation:
    """CloudFormation with a stack of template.yaml and its defaults, whose table is that of the local stack."""

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 (boto3's names)
        template = Template(PARAMETERS, region="us-east-1")
        parameters = [
            {"ParameterKey": name, "ParameterValue": str(parameter.get("Default", ""))}
            for name, parameter in template.body["Parameters"].items()
        ]
        return {"Stacks": [{"StackName": StackName, "Parameters": parameters}]}

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        assert LogicalResourceId == "RateLimitsTable"
        return {"StackResourceDetail": {"PhysicalResourceId": get_settings().rate_limits_table}}


@pytest.fixture(autouse=True)
def aws_of_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(_deployment: Deployment, service: str) -> _CloudFormation:
        assert service == "cloudformation"
        return _CloudFormation()

    def find(environment: str) -> Deployment:
        return Deployment(environment, f"nexus-ai-{environment}", os.environ["AWS_REGION"], {})

    monkeypatch.setattr(Deployment, "client", client)
    monkeypatch.setattr(command, "find", find)


def make_ceiling(tenant: str, **ceilings: object) -> None:
    """Run `make ceiling`. Arguments are named with underscores in place of hyphens."""
    named = [f"--{name.replace('_', '-')}={value}" for name, value in ceilings.items()]
    command.main(["--env", "dev", "--tenant", tenant, *named])


@contextmanager
def deployed(**ceilings: object) -> Generator[Gateway]:
    """Yield a gateway of a new deployment with these ceilings."""
    with environment({f"CEILING_{name.upper()}": str(value) for name, value in ceilings.items()}):
        get_settings.cache_clear()
        yield compose(SystemClock())
    get_settings.cache_clear()


def put(stack: LocalStack, tenant: str, body: object) -> Reply:
    return call(stack, tenant, "PUT", RATE_LIMITS, body)


def granted_calls(gateway: Gateway, tenant: str, attempts: int) -> int:
    """Try `attempts` calls, and return how many get a reservation."""
    for number in range(attempts):
        try:
            gateway.limits.reserve(caller_of(tenant), reservation_request())
        except LimitExceeded:
            return number
    return attempts


@pytest.mark.parametrize(
    ("name", "at_most", "above"),
    [("requestsPerHour", 500, 501), ("tokensPerDay", 10_000, 10_001), ("costPerMonthUsd", 12.5, 12.500001)],
)
def test_admin_cannot_exceed_the_ceiling_and_sees_it(
    name: str, at_most: float, above: float, stack: LocalStack, tenant: str
) -> None:
    make_ceiling(tenant, **{to_snake(name): at_most})

    for limit in (above, None):
        reply = put(stack, tenant, {name: limit})
        assert refused_fields(reply) == [name]
        assert str(at_most) in reply.body["detail"]
    reply = put(stack, tenant, {name: at_most})

    assert (reply.status, reply.body[name], reply.body["ceilings"][name]) == (200, at_most, at_most)
    assert put(stack, f"{tenant}-other", {name: above}).status == 200


def test_each_limit_above_its_ceiling_is_named_and_none_changes(stack: LocalStack, tenant: str) -> None:
    make_ceiling(tenant, requests_per_hour=5, tokens_per_day=5_000)
    body = {"requestsPerHour": 6, "tokensPerDay": None, "costPerMonthUsd": 1, "alertThresholds": [1]}

    assert refused_fields(put(stack, tenant, body)) == ["requestsPerHour", "tokensPerDay"]
    shown = put(stack, tenant, {}).body
    assert (shown["costPerMonthUsd"], shown["alertThresholds"]) == (100, [80])


def test_ceiling_below_the_limit_binds_on_the_next_call(stack: LocalStack, tenant: str) -> None:
    set_limits(tenant, requests=10)
    stack.token(tenant)
    assert [copy(stack, tenant, {"prompt": f"Convite {number}"}).status for number in range(2)] == [200, 200]

    make_ceiling(tenant, requests_per_hour=2)

    reply = copy(stack, tenant, {"prompt": "Convite 3"})
    assert (reply.status, reply.body["limit"], reply.body["max"]) == (429, "requestsPerHour", 2)
    window = call(stack, tenant, "GET", RATE_LIMITS).body["windows"][0]
    assert (window["max"], window["used"], window["left"]) == (2, 2, 0)


def test_ceiling_binds_a_tenant_with_default_limits(stack: LocalStack, tenant: str) -> None:
    make_ceiling(tenant, requests_per_hour=1)

    assert [copy(stack, tenant, {"prompt": f"Convite {number}"}).status for number in range(2)] == [200, 429]


def test_limit_checked_before_the_ceiling_was_lowered_is_lowered(tenant: str, stack: LocalStack) -> None:
    """The admin's change had passed the check when the operator's command ran."""
    make_ceiling(tenant, requests_per_hour=50)
    make_ceiling(tenant, requests_per_hour=5)

    compose(SystemClock()).limits.change(
        caller_of(tenant), lambda before: before.model_copy(update={"requests_per_hour": 50})
    )

    assert limit_state(tenant).settings.requests_per_hour == 5


def test_lower_ceiling_of_a_deployment_binds_on_the_next_call(tenant: str, stack: LocalStack) -> None:
    set_limits(tenant, requests=10, tokens=90)
    with deployed(requests_per_hour=3) as gateway:
        shown = call(stack, tenant, "GET", RATE_LIMITS).body
        assert (shown["requestsPerHour"], shown["windows"][0]["max"], shown["windows"][0]["left"]) == (3, 3, 3)
        assert refused_fields(put(stack, tenant, {"requestsPerHour": 4})) == ["requestsPerHour"]

        assert granted_calls(gateway, tenant, 5) == 3

    settings = limit_state(tenant).settings
    assert (settings.requests_per_hour, settings.tokens_per_day) == (3, 90)


def test_default_limits_respect_the_ceiling_of_the_deployment(tenant: str, stack: LocalStack) -> None:
    with deployed(requests_per_hour=2, tokens_per_day=10, cost_per_month_usd="0.5") as gateway:
        settings = gateway.limits.state(caller_of(tenant)).settings
        assert granted_calls(gateway, tenant, 4) == 2

    assert settings == LimitSettings(
        requests_per_hour=2, tokens_per_day=10, cost_per_month_micros=500_000, time_zone="America/Sao_Paulo"
    )


def test_ceiling_of_a_tenant_replaces_that_of_the_deployment(tenant: str, stack: LocalStack) -> None:
    make_ceiling(tenant, requests_per_hour=9, tokens_per_day="none")
    with deployed(requests_per_hour=3, tokens_per_day=10):
        assert put(stack, tenant, {"requestsPerHour": 9, "tokensPerDay": None}).status == 200
        make_ceiling(tenant, requests_per_hour="default")
        assert refused_fields(put(stack, tenant, {"requestsPerHour": 9})) == ["requestsPerHour"]


def test_raised_ceiling_leaves_the_limit_to_the_admin(stack: LocalStack, tenant: str) -> None:
    make_ceiling(tenant, requests_per_hour=5)
    make_ceiling(tenant, requests_per_hour=50)

    assert put(stack, tenant, {}).body["requestsPerHour"] == 5
    assert put(stack, tenant, {"requestsPerHour": 50}).body["requestsPerHour"] == 50


def test_command_prints_the_ceilings(tenant: str, stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    make_ceiling(tenant, requests_per_hour=5, cost_per_month_usd="2.50")
    capsys.readouterr()

    make_ceiling(tenant)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["requestsPerHour", "5"],
        ["tokensPerDay", "none"],
        ["costPerMonthUsd", "2.5"],
    ]


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "", "1000000000"])
def test_invalid_ceiling_changes_nothing(number: str, tenant: str, stack: LocalStack) -> None:
    with pytest.raises(SystemExit):
        make_ceiling(tenant, requests_per_hour=number)

    assert put(stack, tenant, {}).body["ceilings"]["requestsPerHour"] is None


def test_invalid_tenant_id_is_rejected(stack: LocalStack) -> None:
    with pytest.raises(SystemExit):
        make_ceiling("acme#other", requests_per_hour=1)
