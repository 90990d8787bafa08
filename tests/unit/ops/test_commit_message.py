"""The commit-msg hook."""

from pathlib import Path

import pytest

from ops.commit_message import main, problems


@pytest.mark.parametrize(
    "message",
    [
        "feat(gateway): retry on 429\n\nProviders ask for a pause.",
        "fix: charge once",
        "feat(api)!: remove a route",
        "refactor: move modules\n# Please enter the commit message",
        "Merge branch 'main' into texts",
        'Revert "fix: charge once"',
        "docs: " + "x" * 66,
    ],
)
def test_conventional_message_is_accepted(message: str) -> None:
    assert problems(message) == []


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("", "type(scope)"),
        ("A line fits", "type(scope)"),
        ("feature: retry", "type(scope)"),
        ("feat:retry", "type(scope)"),
        ("feat(Gateway): retry", "type(scope)"),
        ("feat: Retry on 429", "small letter"),
        ("feat: retry on 429.", "period"),
        ("docs: " + "x" * 67, "73 characters"),
        ("fix: charge once\nProviders", "blank line"),
    ],
)
def test_other_message_is_refused(message: str, problem: str) -> None:
    (found,) = problems(message)
    assert problem in found


def test_exit_status_is_1_for_a_refused_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text("A line fits")
    assert main(str(file)) == 1
    assert "type(scope)" in capsys.readouterr().out
