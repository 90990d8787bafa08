"""The evaluation set against simulated providers: answering plainly, and misbehaving in every way that models do."""

from typing import Any, Final

import pytest

from local.providers.behaviours import Answer
from local.providers.faults import Misbehaviour
from local.stack import LocalStack
from nexus_ai.providers.base import ProviderName
from tests.evaluation.cases import CASES_A_TASK, ROUTES, Case, cases
from tests.evaluation.runner import prepare, run, table
from tests.evaluation.scorers import CONTRACT, scores
from tests.integration.support.http_client import Reply, ask

OPENAI: Final = ProviderName.OPENAI
# What changes nothing of what was said costs no repair.
TOLERATED: Final = frozenset(
    {Misbehaviour.FENCES, Misbehaviour.PROSE, Misbehaviour.TRAILING_COMMAS, Misbehaviour.EXTRA_MEMBERS}
)
# What leaves no answer in any task.
REPAIRED: Final = frozenset({Misbehaviour.NAN, Misbehaviour.ARRAY, Misbehaviour.FREE_TEXT, Misbehaviour.TRUNCATED})


def send(stack: LocalStack, tenant: str, case: Case) -> Reply:
    headers = {"Cache-Control": "no-cache, no-store"}
    token = stack.token(tenant, "evaluation", ["user"])
    body = {**case.request, "provider": "openai"}
    return ask(stack.url, "POST", ROUTES[case.task], token=token, body=body, headers=headers)


def assert_kept(case: Case, data: dict[str, Any], misbehaviour: Misbehaviour) -> None:
    lost = CONTRACT & {name for name, kept in scores(case, data).items() if not kept}
    assert not lost, (case.id, misbehaviour, lost, data)


def misbehave(stack: LocalStack, tenant: str, case: Case, misbehaviour: Misbehaviour) -> None:
    """Once, so that a repair helps, and for ever: a kept contract or a typed error, never wrong data."""
    bad = Answer(misbehaviour=misbehaviour)
    stack.providers.script(OPENAI, bad)

    once = send(stack, tenant, case)

    assert once.status == 200, (case.id, misbehaviour, once.body)
    assert_kept(case, once.body["data"], misbehaviour)
    attempts = [each["outcome"] for each in once.body["fallback"]["attempts"]]
    assert attempts in (["answered"], ["invalid_answer", "answered"])
    assert len(attempts) == 1 or misbehaviour not in TOLERATED
    assert len(attempts) == 2 or misbehaviour not in REPAIRED

    stack.providers.always(OPENAI, bad)
    always = send(stack, tenant, case)
    stack.providers.reset()

    if always.status == 200:
        assert_kept(case, always.body["data"], misbehaviour)
    else:
        assert (always.status, always.body["code"]) == (502, "invalid_answer"), always.body
        assert always.body["problems"]


@pytest.mark.parametrize("task", ROUTES)
def test_there_are_forty_cases_a_task_in_three_languages(task: str) -> None:
    found = cases(task)
    assert len(found) == len({case.id for case in found}) == CASES_A_TASK
    assert {case.language for case in found} == {"pt-BR", "en", "es"}


def answer_all(stack: LocalStack, tenant: str, wanted: list[Case]) -> None:
    prepare(stack, tenant, "openai")

    results = run(stack, tenant, wanted, "openai")

    assert {result.status for result in results} == {200}, table(results)
    assert not [result for result in results if CONTRACT & set(result.lost)], table(results)
    number = len(wanted)
    assert table(results).startswith(f"{wanted[0].task}: {number} cases, {number} answered (0 of them repaired)")


@pytest.mark.parametrize("task", ROUTES)
def test_cases_are_answered_and_keep_what_is_promised(stack: LocalStack, tenant: str, task: str) -> None:
    answer_all(stack, tenant, cases(task)[::8])


@pytest.mark.slow
@pytest.mark.parametrize("task", ROUTES)
def test_every_case_is_answered_and_keeps_what_is_promised(stack: LocalStack, tenant: str, task: str) -> None:
    answer_all(stack, tenant, cases(task))


@pytest.mark.parametrize(("number", "misbehaviour"), list(enumerate(Misbehaviour)))
def test_a_model_that_misbehaves_is_understood_or_repaired_or_refused(
    stack: LocalStack, tenant: str, number: int, misbehaviour: Misbehaviour
) -> None:
    # From the end, so that it is a translation that loses its placeholders.
    task = list(ROUTES)[-1 - number % len(ROUTES)]
    prepare(stack, tenant, "openai")
    misbehave(stack, tenant, cases(task)[number], misbehaviour)


@pytest.mark.slow
@pytest.mark.parametrize("task", ROUTES)
@pytest.mark.parametrize(("number", "misbehaviour"), list(enumerate(Misbehaviour)))
def test_in_every_task_a_model_that_misbehaves_is_understood_or_repaired_or_refused(
    stack: LocalStack, tenant: str, number: int, misbehaviour: Misbehaviour, task: str
) -> None:
    prepare(stack, tenant, "openai")
    for case in cases(task)[number % 5 :: 5]:
        misbehave(stack, tenant, case, misbehaviour)
