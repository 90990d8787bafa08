"""What a body's form cannot tell: fields that do not fit to what a company has."""

from nexus_ai.core.errors import ValidationFailed


def refused(field: str, message: str, kind: str) -> ValidationFailed:
    """The error that names this field, as those of a body's form do."""
    return ValidationFailed(
        f"{field}: {message}", extra={"errors": [{"field": field, "message": message, "type": kind}]}
    )
