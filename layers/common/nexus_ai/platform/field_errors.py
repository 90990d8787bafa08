"""Build the validation error: one for all faults of bodies, parameters, headers and stored data."""

from collections.abc import Sequence
from typing import NamedTuple

from nexus_ai.platform.errors import ValidationFailed

MAX_PROBLEMS = 20


class FieldProblem(NamedTuple):
    """Fault of one field.

    Attributes:
        field: The field's path, such as `modules.email`.
        message: The fault, in words for the client, without the value.
        type: A stable name of the fault.
    """

    field: str
    message: str
    type: str


def field_error(field: str, message: str, kind: str) -> ValidationFailed:
    """Return the error for one field, given its `FieldProblem`."""
    return field_errors([FieldProblem(field, message, kind)])


def field_errors(problems: Sequence[FieldProblem]) -> ValidationFailed:
    """Return the error for several fields, of which the response lists the first 20.

    Args:
        problems: At least one.
    """
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    errors = [problem._asdict() for problem in problems[:MAX_PROBLEMS]]
    return ValidationFailed(f"{first.field}: {first.message}{more}", extra={"errors": errors})
