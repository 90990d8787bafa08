"""Mutants of a module: its source with one small change in each, the changes that a slip or a bad merge would make.

Annotations, docstrings, imports, decorators and blocks for type checkers are left as they are: no test can tell.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.BitOr: "&",
}
OPPOSITES = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "startswith": "endswith",
    "lower": "upper",
    "ROUND_CEILING": "ROUND_FLOOR",
    "ROUND_HALF_EVEN": "ROUND_HALF_UP",
}

# A change: the place in the source in bytes, from and to, and what stands there instead.
type Change = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`function` is the outermost one around the change, as Python names it; "" for what may run once a process."""

    path: str
    line: int
    function: str
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}\n  - {self.before}\n  + {self.after}"


def mutants(path: str, source: str) -> list[Mutant]:
    """All mutants of a module, in the order of the source, each different from every other one."""
    return list(dict.fromkeys(_mutants(path, source)))


def _mutants(path: str, source: str) -> Iterator[Mutant]:
    text, tree = source.encode(), ast.parse(source)
    functions = dict(_functions(tree))
    for start, end, replacement in sorted(_Changes(text).of(tree)):
        changed = (text[:start] + replacement.encode() + text[end:]).decode()
        line = text[:start].count(b"\n") + 1
        if _compiles(changed):
            yield Mutant(
                path=path,
                line=line,
                function=functions.get(line, ""),
                before=_lines(text, start, end),
                after=_lines(changed.encode(), start, start + len(replacement.encode())),
                source=changed,
            )


def _functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[int, str]]:
    """The name of the function that each line is in, but for those that may run once a process: cached ones, say."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef) and child.name != "__init__" and not child.decorator_list:
            yield from ((line, f"{prefix}{child.name}") for line in range(child.lineno, (child.end_lineno or 0) + 1))


def _lines(text: bytes, start: int, end: int) -> str:
    """The whole lines around a place, on one line."""
    first = text.rfind(b"\n", 0, start) + 1
    last = text.find(b"\n", end)
    return " ".join(text[first : last if last >= 0 else len(text)].decode().split())


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Changes:
    def __init__(self, text: bytes) -> None:
        self._text = text
        self._lines = [0]
        for line in text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def of(self, node: ast.AST) -> Iterator[Change]:
        if _is_not_code(node):
            return
        for kind, changes in self._BY_NODE.items():
            if isinstance(node, kind):
                yield from changes(self, node)
        for child in _children(node):
            yield from self.of(child)

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _source(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._text[start:end].decode()

    def _between(self, left: ast.expr, right: ast.expr) -> Change:
        """The place of an operator, without the white space and the parentheses around it."""
        start, end = self._span(left)[1], self._span(right)[0]
        operator = self._text[start:end]
        inner = operator.strip(b" \n()")
        start += operator.index(inner)
        return start, start + len(inner), inner.decode()

    def _compare(self, node: ast.Compare) -> Iterator[Change]:
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            start, end, _ = self._between(left, right)
            yield from ((start, end, other) for other in COMPARISONS[type(operator)])

    def _arithmetic(self, node: ast.BinOp) -> Iterator[Change]:
        start, end, _ = self._between(node.left, node.right)
        yield start, end, ARITHMETIC[type(node.op)]

    def _and_or(self, node: ast.BoolOp) -> Iterator[Change]:
        for left, right in zip(node.values, node.values[1:], strict=False):
            start, end, _ = self._between(left, right)
            yield start, end, "or" if isinstance(node.op, ast.And) else "and"
        for value in node.values:
            yield from self._negated(value)

    def _unary(self, node: ast.UnaryOp) -> Iterator[Change]:
        yield *self._span(node), f"({self._source(node.operand)})"

    def _condition(self, node: ast.If | ast.IfExp | ast.While) -> Iterator[Change]:
        yield from self._negated(node.test)

    def _filters(self, node: ast.comprehension) -> Iterator[Change]:
        for test in node.ifs:
            yield from self._negated(test)
            yield *self._span(test), "True"

    def _negated(self, test: ast.expr) -> Iterator[Change]:
        # Comparisons, constants and a `not` have mutants of their own, which are the same.
        if not isinstance(test, ast.Compare | ast.Constant | ast.UnaryOp | ast.BoolOp):
            yield *self._span(test), f"(not {self._source(test)})"

    def _constant(self, node: ast.Constant) -> Iterator[Change]:
        match node.value:
            case bool():
                yield *self._span(node), str(not node.value)
            case int():
                yield *self._span(node), str(node.value + 1)
            case str():
                yield *self._span(node), repr(f"XX{node.value}XX")
            case _:
                pass

    def _f_string(self, node: ast.JoinedStr) -> Iterator[Change]:
        for part in node.values:
            if isinstance(part, ast.Constant):
                start, _ = self._span(part)
                yield start, start, "XX"

    def _name(self, node: ast.Name) -> Iterator[Change]:
        if node.id in OPPOSITES and isinstance(node.ctx, ast.Load):
            yield *self._span(node), OPPOSITES[node.id]

    def _attribute(self, node: ast.Attribute) -> Iterator[Change]:
        if node.attr in OPPOSITES:
            _, end = self._span(node)
            yield end - len(node.attr), end, OPPOSITES[node.attr]

    def _call(self, node: ast.Call) -> Iterator[Change]:
        for argument in [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg)]:
            if not isinstance(argument, ast.Constant | ast.Starred | ast.GeneratorExp):
                yield *self._span(argument), "None"

    def _dict(self, node: ast.Dict) -> Iterator[Change]:
        for key, value in zip(node.keys, node.values, strict=True):
            if key and isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
                yield *self._span(value), "None"

    def _assignment(self, node: ast.Assign | ast.AnnAssign) -> Iterator[Change]:
        if node.value and not isinstance(node.value, ast.Constant):
            yield *self._span(node.value), "None"

    def _augmented(self, node: ast.AugAssign) -> Iterator[Change]:
        start, end, _ = self._between(node.target, node.value)
        yield start, end, "="
        if isinstance(node.op, ast.Add | ast.Sub):
            yield start, end, f"{ARITHMETIC[type(node.op)]}="

    def _return(self, node: ast.Return) -> Iterator[Change]:
        if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield *self._span(node.value), "None"

    def _left_out(self, node: ast.Expr | ast.Raise) -> Iterator[Change]:
        yield *self._span(node), "pass"

    def _loop(self, node: ast.Continue | ast.Break) -> Iterator[Change]:
        yield *self._span(node), "break" if isinstance(node, ast.Continue) else "continue"

    _BY_NODE: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {  # noqa: RUF012 (a table of methods)
        ast.Compare: _compare,
        ast.BinOp: _arithmetic,
        ast.BoolOp: _and_or,
        ast.UnaryOp: _unary,
        ast.If: _condition,
        ast.IfExp: _condition,
        ast.While: _condition,
        ast.comprehension: _filters,
        ast.Constant: _constant,
        ast.JoinedStr: _f_string,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Call: _call,
        ast.Dict: _dict,
        ast.Assign: _assignment,
        ast.AnnAssign: _assignment,
        ast.AugAssign: _augmented,
        ast.Return: _return,
        ast.Expr: _left_out,
        ast.Raise: _left_out,
        ast.Continue: _loop,
        ast.Break: _loop,
    }


def _is_not_code(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.TypeAlias() | ast.FormattedValue(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case _:
            return False


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What is inside a node, but for annotations, decorators and the texts of an f-string."""
    left_out = {
        id(child)
        for name in ("annotation", "returns", "decorator_list", "type_params", "format_spec")
        for child in _listed(getattr(node, name, None))
    }
    if isinstance(node, ast.JoinedStr):
        left_out |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
    return (child for child in ast.iter_child_nodes(node) if id(child) not in left_out)


def _listed(value: object) -> list[object]:
    return list(cast("list[object]", value)) if isinstance(value, list) else [value]
