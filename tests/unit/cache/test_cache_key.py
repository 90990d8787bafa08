"""Test that the cache key changes with everything that may change the completion, and with the tenant."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_ai.cache.key import cache_key
from nexus_ai.cache.response_cache import cache_key_for
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.platform.clock import Deadline
from nexus_ai.providers.base import Message, Prompt

NAMED = {"tenant_id": "clinic", "provider": "openai", "model": "gpt-5-mini"}
PARAMETERS: dict[str, Any] = {"prompt": "Olá", "temperature": 0.7, "variations": 2, "setting": {"tone": None}}
CALLER = Caller(
    tenant_id="clinic",
    user_id="ana",
    roles=frozenset({Role.USER}),
    request_id="request",
    endpoint="POST /test",
    started_at_ms=0,
    deadline=Deadline(29_000),
)
CALL = ModelCall(
    task="copy",
    prompt_version="3",
    module="marketing",
    prompt=Prompt(system="Write.", messages=(Message(role="user", text="Olá"),), max_tokens=500, temperature=0.7),
    input_tokens=1_000,
    parameters=PARAMETERS,
    parse=str,
)
CANDIDATE = ("openai", "gpt-5-mini")


def test_cache_key_is_stable() -> None:
    """A key that changed without a reason would lose every cached response."""
    assert (
        cache_key(**NAMED, parameters=PARAMETERS) == "2dc33716a0be53ae246be45ea89df9384aa161359ba738331178c586e729aab1"
    )


def test_order_of_parameters_does_not_matter() -> None:
    backwards = dict(reversed(PARAMETERS.items()))
    assert cache_key(**NAMED, parameters=PARAMETERS) == cache_key(**NAMED, parameters=backwards)


# Each example compares five parameters: 10,000 comparisons in all.
@settings(max_examples=2_000)
@given(text=st.text(min_size=1, max_size=60), place=st.integers(0, 59), other=st.characters())
def test_one_other_character_gives_another_key(text: str, place: int, other: str) -> None:
    place %= len(text)
    changed = text[:place] + other + text[place + 1 :]
    for name in ("prompt", "tone", "temperature", "audience", "model"):
        key = cache_key(**NAMED, parameters={**PARAMETERS, name: text})
        other_key = cache_key(**NAMED, parameters={**PARAMETERS, name: changed})
        assert (key == other_key) == (text == changed)


@given(one=st.text(), two=st.text())
def test_text_in_another_parameter_gives_another_key(one: str, two: str) -> None:
    key = cache_key(**NAMED, parameters={"a": one, "b": two})
    swapped = cache_key(**NAMED, parameters={"a": two, "b": one})
    joined = cache_key(**NAMED, parameters={"a": one + two, "b": ""})
    assert (key == swapped) == (one == two)
    assert (key == joined) == (two == "")


def test_other_tenant_provider_or_model_gives_another_key() -> None:
    keys = {cache_key(**{**NAMED, name: "other"}, parameters=PARAMETERS) for name in NAMED}
    assert len(keys | {cache_key(**NAMED, parameters=PARAMETERS)}) == 4


def test_values_of_different_types_give_different_keys() -> None:
    assert len({cache_key(**NAMED, parameters={"a": value}) for value in (1, "1", None, True, "", 0)}) == 6


def test_value_outside_json_has_no_key() -> None:
    """NaN is not equal to itself: its response would never be found, or be that of another request."""
    with pytest.raises(ValueError, match="JSON"):
        cache_key(**NAMED, parameters={"temperature": float("nan")})


def test_key_of_a_call_is_stable_and_shared_by_the_tenant() -> None:
    key = cache_key_for(CALLER, CALL, *CANDIDATE)
    assert key == "275f4e15e287cfc2483cd61103498302bfc791b5ab2f119420930ad6245ebd6f"
    colleague = CALLER.model_copy(update={"user_id": "rui", "request_id": "another"})
    assert cache_key_for(colleague, replace(CALL, module="sales", input_tokens=1), *CANDIDATE) == key


def test_any_change_of_a_call_gives_another_key() -> None:
    keys = [
        cache_key_for(CALLER, CALL, *CANDIDATE),
        cache_key_for(CALLER.model_copy(update={"tenant_id": "other"}), CALL, *CANDIDATE),
        cache_key_for(CALLER, CALL, "groq", "gpt-5-mini"),
        cache_key_for(CALLER, CALL, "openai", "gpt-5-nano"),
        cache_key_for(CALLER, replace(CALL, task="summary"), *CANDIDATE),
        cache_key_for(CALLER, replace(CALL, prompt_version="4"), *CANDIDATE),
        cache_key_for(CALLER, replace(CALL, prompt=CALL.prompt.model_copy(update={"max_tokens": 501})), *CANDIDATE),
        cache_key_for(CALLER, replace(CALL, prompt=CALL.prompt.model_copy(update={"temperature": None})), *CANDIDATE),
        cache_key_for(CALLER, replace(CALL, parameters={**PARAMETERS, "prompt": "Oi"}), *CANDIDATE),
    ]
    assert len(set(keys)) == len(keys)
