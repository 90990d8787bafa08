"""Build validation errors for fields that are well-formed but do not fit the tenant's data."""

from collections.abc import Sequence

from nexus_ai.platform.errors import ValidationFailed


def field_error(field: str, message: str, kind: str) -> ValidationFailed:
    """Return a validation error for one field, in the form that schema validation uses.

    Args:
        field: The field's path in the body, such as `modules.email`.
        message: The fault, in words for the client.
        kind: A stable name of the fault, which becomes `type`.
    """
    return field_errors([(field, message, kind)])


def field_errors(fields: Sequence[tuple[str, str, str]]) -> ValidationFailed:
    """Return a validation error for several fields, given the field, message and kind of each; at least one."""
    errors = [{"field": field, "message": message, "type": kind} for field, message, kind in fields]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ValidationFailed(f"{errors[0]['field']}: {errors[0]['message']}{more}", extra={"errors": errors})
