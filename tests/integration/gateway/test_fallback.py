"""Test the retry policy for each failure kind against every provider, over real HTTP."""

import socket

import pytest

from local.environment import environment
from local.providers.behaviours import Answer, Behaviour, Fail, Reset
from local.stack import LocalStack
from nexus_ai.audit.models import AuditStatus
from nexus_ai.aws.dynamodb import tables
from nexus_ai.gateway.composition import gateway
from nexus_ai.gateway.retry_policy import RETRY_POLICY, Action
from nexus_ai.limits.models import Limit
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.settings.models import ANY_MODULE, FallbackOrder, FallbackStep, Strategy
from nexus_ai.settings.store import SettingsStore
from tests.integration.support.limit_calls import caller_of
from tests.integration.support.pipeline import copy, damage_key, limit_state, records, set_fallback, welcome

NEXT = {provider: list(ProviderName)[(place + 1) % 5] for place, provider in enumerate(ProviderName)}

# For each failure: the behaviour of the provider, the recorded failure kind, and the action of the retry policy.
FAILURES: dict[str, tuple[Behaviour, FailureKind, Action]] = {
    "400": (Fail(FailureKind.BAD_REQUEST), FailureKind.BAD_REQUEST, Action.STOP),
    "401": (Fail(FailureKind.INVALID_KEY), FailureKind.INVALID_KEY, Action.NEXT),
    "403": (Fail(FailureKind.NO_PERMISSION), FailureKind.NO_PERMISSION, Action.NEXT),
    "404 model": (Fail(FailureKind.MODEL_NOT_FOUND), FailureKind.MODEL_NOT_FOUND, Action.NEXT),
    "408": (Fail(FailureKind.REQUEST_TIMEOUT), FailureKind.REQUEST_TIMEOUT, Action.NEXT),
    "413 context": (Fail(FailureKind.CONTEXT_TOO_LONG), FailureKind.CONTEXT_TOO_LONG, Action.NEXT_LARGER),
    "422": (Fail(FailureKind.UNPROCESSABLE), FailureKind.UNPROCESSABLE, Action.STOP),
    "429": (Fail(FailureKind.RATE_LIMITED), FailureKind.RATE_LIMITED, Action.NEXT),
    "429 long": (Fail(FailureKind.RATE_LIMITED, retry_after_s=3600), FailureKind.RATE_LIMITED, Action.NEXT),
    "500": (Fail(FailureKind.SERVER_ERROR), FailureKind.SERVER_ERROR, Action.NEXT),
    "503": (Fail(FailureKind.UNAVAILABLE), FailureKind.UNAVAILABLE, Action.NEXT),
    "529": (Fail(FailureKind.OVERLOADED), FailureKind.OVERLOADED, Action.NEXT),
    "reset": (Reset(), FailureKind.RESET, Action.NEXT),
    "malformed": (Fail(FailureKind.MALFORMED), FailureKind.MALFORMED, Action.NEXT),
    "200 with an error": (Fail(FailureKind.ERROR_IN_BODY), FailureKind.ERROR_IN_BODY, Action.NEXT),
    "safety block": (Fail(FailureKind.BLOCKED), FailureKind.BLOCKED, Action.NEXT),
    "empty": (Fail(FailureKind.EMPTY), FailureKind.EMPTY, Action.NEXT),
    "402": (Fail(FailureKind.NO_CREDIT), FailureKind.NO_CREDIT, Action.NEXT),
    "redirect": (Fail(FailureKind.REDIRECT), FailureKind.REDIRECT, Action.NEXT),
}


@pytest.mark.parametrize(
    "provider",
    [pytest.param(name, marks=[] if name is ProviderName.OPENAI else pytest.mark.slow) for name in ProviderName],
)
@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_follows_the_retry_policy(
    stack: LocalStack, tenant: str, provider: ProviderName, failure: str
) -> None:
    behaviour, kind, action = FAILURES[failure]
    welcome(stack, tenant)
    set_fallback(tenant, provider, NEXT[provider])
    stack.providers.script(provider, behaviour)

    reply = copy(stack, tenant, {"provider": provider.value})

    assert RETRY_POLICY[kind].action is action
    (record,) = records(tenant)
    assert record.attempts[0].error_code == kind.value
    assert stack.providers.count(provider) == 1
    if action is Action.NEXT:
        assert reply.status == 200, reply.body
        assert reply.body["provider"] == NEXT[provider].value
        assert reply.body["fallback"]["used"] is True
        assert stack.providers.count() == 2
        assert record.status is AuditStatus.ANSWERED
    if action is Action.STOP:
        assert (reply.status, reply.body["code"]) == (422, "request_rejected")
        assert stack.providers.count() == 1
    assert limit_state(tenant).used(Limit.REQUESTS_PER_HOUR) == 1
    assert limit_state(tenant).held == (0, 0, 0)


def test_too_long_text_falls_back_to_a_larger_context_only(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    # 1,000,000 tokens at Anthropic, 131,072 at Groq, 1,050,000 at OpenRouter's model.
    set_fallback(tenant, "anthropic", "groq", "openrouter")
    stack.providers.script(ProviderName.ANTHROPIC, Fail(FailureKind.CONTEXT_TOO_LONG))

    reply = copy(stack, tenant, {"provider": "anthropic"})

    assert reply.body["provider"] == "openrouter"
    codes = [(attempt["provider"], attempt["errorCode"]) for attempt in reply.body["fallback"]["attempts"]]
    assert codes == [("anthropic", "context_too_long"), ("groq", "context_too_small"), ("openrouter", None)]
    assert stack.providers.count(ProviderName.GROQ) == 0


def test_text_too_long_for_all_is_413(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_fallback(tenant, "google")
    stack.providers.script(ProviderName.GOOGLE, Fail(FailureKind.CONTEXT_TOO_LONG))

    reply = copy(stack, tenant, {"provider": "google"})

    assert (reply.status, reply.body["code"]) == (413, "content_too_large")


def test_all_providers_down_is_a_502_without_their_messages(stack: LocalStack, tenant: str) -> None:
    for provider in ProviderName:
        stack.providers.always(provider, Fail(FailureKind.SERVER_ERROR))

    reply = copy(stack, tenant)

    assert (reply.status, reply.body["code"]) == (502, "all_providers_failed")
    assert [attempt["provider"] for attempt in reply.body["attempts"]] == list(ProviderName)
    assert stack.providers.count() == 5
    assert "simul" not in str(reply.body).lower()
    assert [record.status for record in records(tenant)] == [AuditStatus.FAILED]


def test_fallback_response_is_cached_under_its_provider(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.UNAVAILABLE))
    copy(stack, tenant)

    assert copy(stack, tenant, {"provider": "anthropic"}).body["cached"] is True
    assert copy(stack, tenant).body["cached"] is False


def test_fallback_reads_the_next_providers_cache_first(stack: LocalStack, tenant: str) -> None:
    copy(stack, tenant, {"provider": "anthropic"})
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.UNAVAILABLE))

    reply = copy(stack, tenant)

    assert (reply.body["cached"], reply.body["provider"]) == (True, "anthropic")
    assert reply.body["fallback"] == {"used": True, "attempts": []}
    assert stack.providers.count(ProviderName.ANTHROPIC) == 1
    # The record has the attempt that failed before the hit.
    assert [attempt.error_code for attempt in records(tenant)[-1].attempts] == ["unavailable"]


@pytest.mark.parametrize(
    "behaviour",
    [Fail(FailureKind.BLOCKED), Fail(FailureKind.EMPTY), Fail(FailureKind.ERROR_IN_BODY), Answer(finish="length")],
)
def test_incomplete_completion_is_not_cached(stack: LocalStack, tenant: str, behaviour: Behaviour) -> None:
    welcome(stack, tenant)
    set_fallback(tenant, "openai")
    stack.providers.script(ProviderName.OPENAI, behaviour)
    copy(stack, tenant)

    assert copy(stack, tenant).body["cached"] is False


def test_circuit_opens_after_five_failures(stack: LocalStack, tenant: str) -> None:
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))
    for number in range(5):
        copy(stack, tenant, {"prompt": f"Texto {number}"})

    reply = copy(stack, tenant, {"prompt": "Outro texto"})

    first = reply.body["fallback"]["attempts"][0]
    assert (first["outcome"], first["errorCode"]) == ("skipped", "circuit_open")
    assert stack.providers.count(ProviderName.OPENAI) == 5


def test_safety_block_opens_no_circuit(stack: LocalStack, tenant: str) -> None:
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.BLOCKED))
    for number in range(7):
        copy(stack, tenant, {"prompt": f"Texto {number}"})

    assert stack.providers.count(ProviderName.OPENAI) == 7


def test_fallback_model_without_a_price_is_skipped(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    steps = (FallbackStep(provider="anthropic", model="claude-of-tomorrow"), FallbackStep(provider="groq"))
    gateway().settings.save_fallback(caller_of(tenant), ANY_MODULE, FallbackOrder(steps=steps))
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))

    reply = copy(stack, tenant)

    assert reply.body["provider"] == "groq", reply.body
    assert [attempt["errorCode"] for attempt in reply.body["fallback"]["attempts"]] == [
        "server_error",
        "price_unknown",
        None,
    ]
    assert stack.providers.count(ProviderName.ANTHROPIC) == 0


def test_key_that_cannot_be_read_is_skipped(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    damage_key(tenant, ProviderName.OPENAI)

    reply = copy(stack, tenant)

    assert reply.body["provider"] == "anthropic", reply.body
    outcomes = [(attempt["outcome"], attempt["errorCode"]) for attempt in reply.body["fallback"]["attempts"]]
    assert outcomes == [("skipped", "key_unreadable"), ("answered", None)]
    state = limit_state(tenant)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held, state.in_flight) == (1, (0, 0, 0), {})


def test_request_without_a_readable_key_is_not_charged(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_fallback(tenant, "openai")
    damage_key(tenant, ProviderName.OPENAI)

    reply = copy(stack, tenant)

    assert (reply.status, reply.body["code"]) == (502, "all_providers_failed")
    assert [attempt["errorCode"] for attempt in reply.body["attempts"]] == ["key_unreadable"]
    state = limit_state(tenant)
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held, state.in_flight) == (0, (0, 0, 0), {})


def test_attempt_that_was_never_sent_is_retried_once(stack: LocalStack, tenant: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with environment({"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}):
            get_settings.cache_clear()
            reply = copy(stack, tenant)
    get_settings.cache_clear()

    attempts = [(attempt["provider"], attempt["errorCode"]) for attempt in reply.body["fallback"]["attempts"]]
    assert attempts == [("openai", "unreachable"), ("openai", "unreachable"), ("anthropic", None)]
    state = limit_state(tenant)
    assert (state.used(Limit.REQUESTS_PER_HOUR), dict(state.in_flight)) == (1, {})


def test_latency_is_measured_if_the_fastest_goes_first(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    steps = (FallbackStep(provider="openai"), FallbackStep(provider="groq"))
    order = FallbackOrder(strategy=Strategy.FASTEST, steps=steps)
    gateway().settings.save_fallback(caller_of(tenant), ANY_MODULE, order)
    stack.providers.always(ProviderName.OPENAI, Answer(delay_s=0.3))

    # Each is called once to measure its latency, then the faster one.
    called: list[str] = []
    for number in range(3):
        called.append(copy(stack, tenant, {"provider": None, "prompt": f"Texto {number}"}).body["provider"])
        gateway().settings.forget_circuits(caller_of(tenant))

    assert called == ["openai", "groq", "groq"]


def test_completion_of_a_probe_is_repaired(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_fallback(tenant, "openai", "groq")
    copy(stack, tenant)
    model = gateway().settings.settings(caller_of(tenant)).providers["openai"].model
    SettingsStore(tables.settings()).open_circuit(tenant, "openai", model, until_ms=1)
    gateway().settings.forget_circuits(caller_of(tenant))
    stack.providers.script(ProviderName.OPENAI, Answer(text="isto não é JSON"))

    reply = copy(stack, tenant, {"prompt": "Outro", "variations": 2})

    attempts = [(attempt["provider"], attempt["outcome"]) for attempt in reply.body["fallback"]["attempts"]]
    assert attempts == [("openai", "invalid_answer"), ("openai", "answered")]


def test_repeated_write_of_a_probe_claim_succeeds(stack: LocalStack, tenant: str) -> None:
    store = SettingsStore(tables.settings())
    store.open_circuit(tenant, "openai", "gpt-6-luna", until_ms=1_000)

    def claim(request_id: str) -> bool:
        return store.claim_probe(tenant, "openai", "gpt-6-luna", seen_ms=1_000, until_ms=31_000, request_id=request_id)

    assert [claim("first"), claim("first"), claim("second")] == [True, True, False]
