"""Test the emitted metrics: one line per request and one per attempt."""

import json
from typing import Any

import pytest

from local.providers.behaviours import Answer, Fail
from local.stack import LocalStack
from nexus_ai.platform.observability import NAMESPACE, SERVICE
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.pipeline import copy, set_limits, welcome

PROMPT = "Anuncie a agenda da Dra. Renata"
TRACE = "1-6553f1a0-0123456789abcdef01234567"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that reads the lines of metrics since its last call."""

    def read() -> list[dict[str, Any]]:
        printed = capsys.readouterr().out
        assert PROMPT not in printed
        found = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
        for line in found:
            (described,) = line["_aws"]["CloudWatchMetrics"]
            assert described["Namespace"] == NAMESPACE
            assert described["Dimensions"][0][:2] == ["service", "stack"]
            assert (line["service"], line["stack"]) == (SERVICE, "nexus-ai-local")
            # The line has a value for each metric and dimension.
            named = [metric["Name"] for metric in described["Metrics"]] + described["Dimensions"][0]
            assert set(named) <= line.keys()
        return found

    return read


def call_of(lines: list[dict[str, Any]]) -> dict[str, Any]:
    (line,) = (line for line in lines if "Requests" in line)
    return line


def attempts_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if "ProviderCalls" in line]


def test_completion_hit_and_rejection_are_counted_once_each(
    stack: LocalStack, tenant: str, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent=0123456789abcdef;Sampled=1")
    welcome(stack, tenant)
    response = copy(stack, tenant, {"prompt": PROMPT})
    emitted = lines()
    call = call_of(emitted)
    ends = ("Requests", "Rejections", "CacheHits", "Fallbacks", "Failures")
    assert [call[name] for name in ends] == [1, 0, 0, 0, 0]
    assert call["Tokens"] == response.body["usage"]["totalTokens"]
    assert call["CostUsd"] == response.body["usage"]["costUsd"]
    assert call["Latency"] >= 0
    assert call["request_id"] == response.body["requestId"]
    assert call["xray_trace_id"] == TRACE
    assert (call["tenant_id"], call["task"], call["status"]) == (tenant, "generate-copy", "answered")
    (attempt,) = attempts_of(emitted)
    assert (attempt["provider"], attempt["ProviderErrors"]) == ("openai", 0)
    assert attempt["gen_ai.provider.name"] == "openai"
    assert attempt["gen_ai.request.model"] == response.body["model"]
    assert attempt["gen_ai.usage.input_tokens"] == response.body["usage"]["inputTokens"]
    assert attempt["gen_ai.usage.output_tokens"] == response.body["usage"]["outputTokens"]

    assert copy(stack, tenant, {"prompt": PROMPT}).body["cached"]
    emitted = lines()
    hit = call_of(emitted)
    assert [hit[name] for name in ends] == [1, 0, 1, 0, 0]
    assert (hit["Tokens"], hit["CostUsd"], attempts_of(emitted)) == (0, 0, [])

    set_limits(tenant, requests=1)
    copy(stack, tenant, {"prompt": f"{PROMPT} 2"})
    emitted = lines()
    rejected = call_of(emitted)
    assert [rejected[name] for name in ends] == [1, 1, 0, 0, 0]
    assert "Latency" not in rejected
    assert (rejected["error.type"], attempts_of(emitted)) == ("limit_exceeded", [])


def test_fallback_emits_the_failed_provider_and_failure_kind(stack: LocalStack, tenant: str, lines: Any) -> None:
    welcome(stack, tenant)
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.NO_CREDIT))
    lines()
    assert copy(stack, tenant, {"prompt": PROMPT}).body["provider"] == "anthropic"

    emitted = lines()
    assert [call_of(emitted)[name] for name in ("Requests", "Fallbacks", "Failures")] == [1, 1, 0]
    assert [(line["provider"], line["ProviderErrors"]) for line in attempts_of(emitted)] == [
        ("openai", 1),
        ("anthropic", 0),
    ]
    (by_kind,) = (line for line in emitted if "ProviderErrorsByKind" in line)
    assert (by_kind["provider"], by_kind["kind"], by_kind["ProviderErrorsByKind"]) == ("openai", "no_credit", 1)
    assert by_kind["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "stack", "provider", "kind"]]


def test_request_without_a_completion_is_a_failure(stack: LocalStack, tenant: str, lines: Any) -> None:
    welcome(stack, tenant)
    for provider in ProviderName:
        stack.providers.always(provider, Answer(text=""))
    lines()
    assert copy(stack, tenant, {"prompt": PROMPT}).status >= 500

    emitted = lines()
    assert [call_of(emitted)[name] for name in ("Requests", "Fallbacks", "Failures")] == [1, 0, 1]
    assert {line["ProviderErrors"] for line in attempts_of(emitted)} == {1}
    google = next(line for line in attempts_of(emitted) if line["provider"] == "google")
    assert google["gen_ai.provider.name"] == "gcp.gemini"
