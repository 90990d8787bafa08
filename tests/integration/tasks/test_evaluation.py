"""Test the evaluation set with simulated providers that behave well or misbehave in every way that models do."""

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
# Misbehaviour that keeps all data of the completion needs no repair.
TOLERATED: Final = frozenset(
    {Misbehaviour.FENCES, Misbehaviour.PROSE, Misbehaviour.TRAILING_COMMAS, Misbehaviour.EXTRA_MEMBERS}
)
# Misbehaviour that leaves no usable completion in any task.
REPAIRED: Final = frozenset({Misbehaviour.NAN, Misbehaviour.ARRAY, Misbehaviour.FREE_TEXT, Misbehaviour.TRUNCATED})


def send(stack: LocalStack, tenant: str, case: Case) -> Reply:
    headers = {"Cache-Control": "no-cache, no-store"}
    token = stack.token(tenant, "evaluation", ["user"])
    body = {**case.request, "provider": "openai"}
    return ask(stack.url, "POST", ROUTES[case.task], token=token, body=body, headers=headers)


def assert_contract_kept(case: Case, data: dict[str, Any], misbehaviour: Misbehaviour) -> None:
    lost = CONTRACT & {name for name, kept in scores(case, data).items() if not kept}
    assert not lost, (case.id, misbehaviour, lost, data)


def misbehave(stack: LocalStack, tenant: str, case: Case, misbehaviour: Misbehaviour) -> None:
    """Misbehave once, so that a repair helps, and then always: the result is a kept contract or a typed error."""
    bad = Answer(misbehaviour=misbehaviour)
    stack.providers.script(OPENAI, bad)

    first = send(stack, tenant, case)

    assert first.status == 200, (case.id, misbehaviour, first.body)
    assert_contract_kept(case, first.body["data"], misbehaviour)
    attempts = [each["outcome"] for each in first.body["fallback"]["attempts"]]
    assert attempts in (["answered"], ["invalid_answer", "answered"])
    assert len(attempts) == 1 or misbehaviour not in TOLERATED
    assert len(attempts) == 2 or misbehaviour not in REPAIRED

    stack.providers.always(OPENAI, bad)
    last = send(stack, tenant, case)
    stack.providers.reset()

    if last.status == 200:
        assert_contract_kept(case, last.body["data"], misbehaviour)
    else:
        assert (last.status, last.body["code"]) == (502, "invalid_answer"), last.body
        assert last.body["problems"]


@pytest.mark.parametrize("task", ROUTES)
def test_each_task_has_forty_cases_in_three_languages(task: str) -> None:
    found = cases(task)
    assert len(found) == len({case.id for case in found}) == CASES_A_TASK
    assert {case.language for case in found} == {"pt-BR", "en", "es"}


def assert_all_complete(stack: LocalStack, tenant: str, chosen: list[Case]) -> None:
    prepare(stack, tenant, "openai")

    results = run(stack, tenant, chosen, "openai")

    assert {result.status for result in results} == {200}, table(results)
    assert not [result for result in results if CONTRACT & set(result.lost)], table(results)
    number = len(chosen)
    assert table(results).startswith(f"{chosen[0].task}: {number} cases, {number} answered (0 of them repaired)")


@pytest.mark.parametrize("task", ROUTES)
def test_some_cases_keep_the_output_contract(stack: LocalStack, tenant: str, task: str) -> None:
    assert_all_complete(stack, tenant, cases(task)[::8])


@pytest.mark.slow
@pytest.mark.parametrize("task", ROUTES)
def test_every_case_keeps_the_output_contract(stack: LocalStack, tenant: str, task: str) -> None:
    assert_all_complete(stack, tenant, cases(task))


@pytest.mark.parametrize(("number", "misbehaviour"), list(enumerate(Misbehaviour)))
def test_misbehaving_model_is_read_repaired_or_refused(
    stack: LocalStack, tenant: str, number: int, misbehaviour: Misbehaviour
) -> None:
    # Start with the last task, so that the fault that drops placeholders meets a translation.
    task = list(ROUTES)[-1 - number % len(ROUTES)]
    prepare(stack, tenant, "openai")
    misbehave(stack, tenant, cases(task)[number], misbehaviour)


@pytest.mark.slow
@pytest.mark.parametrize("task", ROUTES)
@pytest.mark.parametrize(("number", "misbehaviour"), list(enumerate(Misbehaviour)))
def test_misbehaving_model_is_read_repaired_or_refused_in_every_task(
    stack: LocalStack, tenant: str, number: int, misbehaviour: Misbehaviour, task: str
) -> None:
    prepare(stack, tenant, "openai")
    for case in cases(task)[number % 5 :: 5]:
        misbehave(stack, tenant, case, misbehaviour)
