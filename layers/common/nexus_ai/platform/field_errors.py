"""What a body's form cannot tell: fields that do not fit to what a company has."""

from collections.abc import Sequence

from nexus_ai.platform.errors import ValidationFailed


def field_error(field: str, message: str, kind: str) -> ValidationFailed:
    """The error that names this field, as those of a body's form do."""
    return field_errors([(field, message, kind)])


def field_errors(fields: Sequence[tuple[str, str, str]]) -> ValidationFailed:
    """The same for several: field, message and kind of each, one at least."""
    errors = [{"field": field, "message": message, "type": kind} for field, message, kind in fields]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ValidationFailed(f"{errors[0]['field']}: {errors[0]['message']}{more}", extra={"errors": errors})
