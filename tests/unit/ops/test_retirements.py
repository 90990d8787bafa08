"""Test on fixed days when the audit of models fails."""

from datetime import date, timedelta

import pytest

from local.dev.default_models import Lifecycle
from nexus_ai.providers.base import ProviderName
from ops.retirements import audit, problem

TODAY = date(2027, 3, 1)
PAGE = "https://provider.example/deprecations"


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.mark.parametrize(
    ("retires_on", "checked_on"),
    [
        (None, TODAY),
        (None, in_days(-60)),
        (in_days(90), TODAY),
        (in_days(5_000), in_days(-60)),
    ],
)
def test_model_with_time_and_fresh_evidence_has_no_problem(retires_on: date | None, checked_on: date) -> None:
    assert problem(Lifecycle(PAGE, checked_on, retires_on), TODAY) is None


@pytest.mark.parametrize(("days", "left"), [(89, "89 days are left"), (0, "0 days are left"), (-7, "-7 days are left")])
def test_model_retiring_within_90_days_needs_a_successor(days: int, left: str) -> None:
    found = problem(Lifecycle(PAGE, TODAY, in_days(days)), TODAY)
    assert found is not None
    assert "successor" in found
    assert left in found


@pytest.mark.parametrize("retires_on", [None, in_days(400)])
def test_evidence_older_than_60_days_must_be_renewed(retires_on: date | None) -> None:
    found = problem(Lifecycle(PAGE, in_days(-61), retires_on), TODAY)
    assert found == "check again: the evidence is 61 days old"


def test_audit_prints_a_line_per_model_and_fails_on_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = Lifecycle(PAGE, TODAY), Lifecycle(PAGE, TODAY, in_days(10))
    models = {(ProviderName.OPENAI, "model-a"): good, (ProviderName.GROQ, "model-b"): bad}

    assert audit(models, TODAY) == 1

    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:3] == ["ok", "openai", "model-a"]
    assert second.split()[:3] == ["FAILED", "groq", "model-b"]
    assert str(in_days(10)) in second


def test_models_without_a_problem_pass_the_audit() -> None:
    assert audit({(ProviderName.OPENAI, "model-a"): Lifecycle(PAGE, TODAY)}, TODAY) == 0
