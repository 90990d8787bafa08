"""The README's table of functions, their events and what these are answered with, in its order."""

import re
from typing import Any, NamedTuple

from local.template import ROOT

_ROW = re.compile(r"^\| `make invoke FUNCTION=(\w+)` \| (.*) \| (\S+) \|$", re.MULTILINE)


class Answered(NamedTuple):
    """One row. `about` begins with the route, where there is one.

    `answer` is a status (of HTTP, or of a report), an error's message, or null.
    """

    event: str
    about: str
    answer: str

    @property
    def logical_id(self) -> str:
        return "".join(word.capitalize() for word in self.event.split("_")) + "Function"


def answered_events() -> list[Answered]:
    return [Answered(*row) for row in _ROW.findall((ROOT / "README.md").read_text("utf-8"))]


def told(answer: dict[str, Any] | None) -> str:
    """Return what the table says of a function's response."""
    if answer is None:
        return "null"
    if "policyDocument" in answer:
        (statement,) = answer["policyDocument"]["Statement"]
        return str(statement["Effect"])
    return str(next(answer[name] for name in ("errorMessage", "statusCode", "status") if name in answer))
