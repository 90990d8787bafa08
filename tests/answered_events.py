"""Read the table of functions in docs/local-stack.md: their events and expected responses, in order."""

import re
from typing import Any, NamedTuple

from local.template import ROOT

_ROW = re.compile(r"^\| `make invoke FUNCTION=(\w+)` \| (.*) \| (\S+) \|$", re.MULTILINE)


class Answered(NamedTuple):
    """Row of the table.

    Attributes:
        event: Name of the event, which is also that of the function.
        about: Description, which begins with the route if there is one.
        answer: A status of HTTP or of a report, an error message, or null.
    """

    event: str
    about: str
    answer: str

    @property
    def logical_id(self) -> str:
        return "".join(word.capitalize() for word in self.event.split("_")) + "Function"


def answered_events() -> list[Answered]:
    return [Answered(*row) for row in _ROW.findall((ROOT / "docs" / "local-stack.md").read_text("utf-8"))]


def summarize_response(response: dict[str, Any] | None) -> str:
    """Return a function's response in the form of the table."""
    if response is None:
        return "null"
    if "policyDocument" in response:
        (statement,) = response["policyDocument"]["Statement"]
        return str(statement["Effect"])
    return str(next(response[name] for name in ("errorMessage", "statusCode", "status") if name in response))
