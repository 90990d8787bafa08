"""The mutants that tests are held against: small, different, and never of what no test can tell."""

import ast

import pytest

from tests.mutation.mutants import mutants
from tests.mutation.targets import PACKAGE


def changed(source: str) -> list[str]:
    """What stands in place of a module's only statement, in every mutant."""
    return [mutant.source for mutant in mutants("m.py", source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a <= b", "a >= b", "pass"]),
        ("(a) == (b)", ["(a) != (b)", "pass"]),
        ("a - b", ["a + b", "pass"]),
        ("a or b", ["a and b", "(not a) or b", "a or (not b)", "pass"]),
        ("x = not a", ["x = None", "x = (a)"]),
        ("x += 1", ["x = 1", "x -= 1", "x += 2"]),
        ("x = True", ["x = False"]),
        ("f(a, b=c)", ["f(None, b=c)", "f(a, b=None)", "pass"]),
        ("x = {'k': v}", ["x = None", "x = {'XXkXX': v}", "x = {'k': None}"]),
        ("x = f'a{b}c'", ["x = None", "x = f'XXa{b}c'", "x = f'a{b}XXc'"]),
        ("x = 1 if a else 2", ["x = None", "x = 2 if a else 2", "x = 1 if (not a) else 2", "x = 1 if a else 3"]),
        ("max(a)", ["min(a)", "max(None)", "pass"]),
        ("raise E", ["pass"]),
        ("x = [i for i in y if i]", ["x = None", "x = [i for i in y if (not i)]", "x = [i for i in y if True]"]),
    ],
)
def test_each_slip_is_a_mutant_of_its_own(source: str, expected: list[str]) -> None:
    assert sorted(changed(source)) == sorted(expected)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "import a.b",
        "def f(x: int | None) -> list[int]: ...",
        "@cache(1)\ndef f(): ...",
        "if TYPE_CHECKING:\n    x = 1",
        "type A = dict[str, int]",
        "x = None",
    ],
)
def test_what_no_test_can_tell_has_no_mutants(source: str) -> None:
    assert changed(source) == []


def test_a_mutant_names_its_line_and_its_function() -> None:
    source = "class C:\n    def f(self):\n        return [\n            1\n        ]\n"
    found = mutants("m.py", source)
    assert [(mutant.line, mutant.function) for mutant in found] == [(3, "C.f"), (4, "C.f")]
    assert str(found[1]) == "m.py:4\n  - 1\n  + 2"


def test_every_mutant_of_a_real_module_is_another_program() -> None:
    source = (PACKAGE / "gateway/prices.py").read_text("utf-8")
    found = mutants("gateway/prices.py", source)
    trees = {ast.dump(ast.parse(text)) for text in [source, *(mutant.source for mutant in found)]}
    assert len(trees) == len(found) + 1 > 40
