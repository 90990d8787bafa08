"""Test prompts that do not fit a model's context: they are sent in parts, as attempts of one request."""

import pytest

from local.providers.behaviours import Answer, Fail
from local.stack import LocalStack
from nexus_ai.audit.models import AuditStatus, Outcome
from nexus_ai.gateway.composition import gateway
from nexus_ai.gateway.models import GatewayResponse
from nexus_ai.limits.models import Limit
from nexus_ai.model_calls import MapReducePlan, ModelCall, Step
from nexus_ai.platform.clock import Deadline, SystemClock, uuid7
from nexus_ai.platform.errors import AllProvidersFailed, ContentTooLarge, LimitExceeded
from nexus_ai.providers.base import FailureKind, Message, Prompt, ProviderName
from nexus_ai.settings.models import ModelPrice, Preferences
from tests.integration.support.limit_calls import caller_of
from tests.integration.support.pipeline import limit_state, records, set_fallback, set_limits, set_preferences, welcome

SMALL, LARGE = 100, 10_000
PARTS = ("primeira parte", "segunda parte", "terceira parte")


def step(text: str) -> Step:
    prompt = Prompt(system="Resuma.", messages=(Message(role="user", text=text),), max_tokens=20)
    return Step(prompt, input_tokens=40)


# This model is not in the price list, so its context is what the tenant entered.
MODEL = "small-9"


def divide(context: int) -> MapReducePlan | None:
    if context >= LARGE:
        return None
    if context < SMALL:
        raise ContentTooLarge("At most 60 tokens fit.")
    return MapReducePlan(parts=tuple(map(step, PARTS)), join=lambda notes: step(" + ".join(notes)))


def ask(tenant: str) -> GatewayResponse[str]:
    complete = step(" ".join(PARTS))
    call = ModelCall(
        task="summary",
        prompt_version="1",
        module="marketing",
        prompt=complete.prompt,
        input_tokens=complete.input_tokens,
        parameters={"text": PARTS},
        parse=lambda text: text,
        provider=ProviderName.OPENAI,
        model=MODEL,
        divide=divide,
    )
    now_ms = SystemClock().now_ms()
    caller = caller_of(tenant, now_ms).model_copy(
        update={"request_id": uuid7(now_ms), "deadline": Deadline(now_ms + 20_000)}
    )
    return gateway().run(caller, call)


@pytest.fixture
def small(stack: LocalStack, tenant: str) -> str:
    """Return a tenant whose model has a small context at OpenAI, and a large one at Groq, the next provider."""
    welcome(stack, tenant)
    set_fallback(tenant, f"openai/{MODEL}", f"groq/{MODEL}")
    set_contexts(tenant, openai=SMALL, groq=LARGE)
    return tenant


def set_contexts(tenant: str, **contexts: int) -> None:
    prices = {
        f"{provider}/{MODEL}": ModelPrice.model_validate(
            {"input_per_million": 1, "output_per_million": 1, "context_tokens": context}
        )
        for provider, context in contexts.items()
    }
    set_preferences(tenant, Preferences(prices=prices))


def test_parts_are_sent_in_order_and_then_joined(stack: LocalStack, small: str) -> None:
    stack.providers.script(ProviderName.OPENAI, *(Answer(text=text) for text in ("um", "dois", "três", "tudo")))

    response = ask(small)

    assert response.data == "tudo"
    sent = [str(call.body) for call in stack.providers.calls]
    assert [part in body for part, body in zip(PARTS, sent, strict=False)] == [True, True, True]
    assert "um + dois + três" in sent[3]
    (record,) = records(small)
    assert [attempt.outcome for attempt in record.attempts] == [Outcome.ANSWERED] * 4
    state = limit_state(small)
    assert state.used(Limit.REQUESTS_PER_HOUR) == 1
    assert state.used(Limit.TOKENS_PER_DAY) == record.charged_tokens > 0
    assert not state.in_flight


def test_joined_completion_is_cached_with_its_total_cost(stack: LocalStack, small: str) -> None:
    stack.providers.script(ProviderName.OPENAI, *(Answer(text=text) for text in ("um", "dois", "três", "tudo")))
    first, again = ask(small), ask(small)

    assert (again.cached, again.data) == (True, first.data)
    first_record, hit = records(small)
    assert hit.saved_tokens == first_record.charged_tokens
    assert hit.saved_cost_micros == first_record.cost_micros
    assert stack.providers.count() == 4


def test_failed_part_falls_back_with_the_complete_prompt(stack: LocalStack, small: str) -> None:
    stack.providers.script(ProviderName.OPENAI, Answer(text="um"))
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.SERVER_ERROR))

    response = ask(small)

    assert response.provider == "groq"
    assert [attempt.provider for attempt in response.attempts] == ["openai", "openai", "groq"]


def test_limits_reject_before_the_first_part(stack: LocalStack, small: str) -> None:
    set_limits(small, tokens=200)

    with pytest.raises(LimitExceeded):
        ask(small)

    assert stack.providers.count() == 0
    assert limit_state(small).used(Limit.TOKENS_PER_DAY) == 0
    assert [record.status for record in records(small)] == [AuditStatus.REJECTED]


def test_model_with_too_small_a_context_is_skipped(stack: LocalStack, small: str) -> None:
    set_contexts(small, openai=SMALL - 1, groq=LARGE)

    response = ask(small)

    assert [(attempt.provider, attempt.error_code) for attempt in response.attempts] == [
        ("openai", "context_too_small"),
        ("groq", None),
    ]


def test_prompt_that_fits_no_model_is_rejected_with_the_bound(stack: LocalStack, small: str) -> None:
    set_contexts(small, openai=SMALL - 1, groq=SMALL - 2)

    with pytest.raises(ContentTooLarge, match="At most 60 tokens fit"):
        ask(small)

    assert stack.providers.count() == 0


def test_failing_providers_end_in_their_own_error(stack: LocalStack, small: str) -> None:
    set_contexts(small, openai=SMALL, groq=SMALL)
    for provider in (ProviderName.OPENAI, ProviderName.GROQ):
        stack.providers.always(provider, Fail(FailureKind.SERVER_ERROR))

    with pytest.raises(AllProvidersFailed):
        ask(small)

    assert stack.providers.count() == 2
