"""Parse path and query parameters into a model, or raise an error that names each one and quotes no value."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from nexus_ai.http.body import FIELD_MAX, field_problems
from nexus_ai.platform.field_errors import FieldProblem, field_errors
from nexus_ai.platform.schema import ParameterModel


def parse_parameters[Parameters: ParameterModel](
    values: Mapping[str, Sequence[str]], model: type[Parameters]
) -> Parameters:
    """Parse parameters into a model.

    Raises:
        ValidationFailed: A parameter does not fit the model, or it was given more than once.
    """
    repeated = [
        FieldProblem(name[:FIELD_MAX], "This parameter was given more than once", "repeated")
        for name, texts in values.items()
        if len(texts) > 1
    ]
    if repeated:
        raise field_errors(repeated)
    try:
        return model.model_validate_strings({name: text for name, (text,) in values.items()})
    except ValidationError as error:
        raise field_errors(field_problems(error)) from None
