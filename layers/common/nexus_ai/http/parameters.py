"""The parameters of a path or of a query: texts into a model, or an error that names each one and quotes no value."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from nexus_ai.http.body import FIELD_MAX, problem, problems, validation_failed
from nexus_ai.platform.schema import ParameterModel


def parse_parameters[Parameters: ParameterModel](
    values: Mapping[str, Sequence[str]], model: type[Parameters]
) -> Parameters:
    """Raises ValidationFailed for parameters that do not fit, and for one that was given more than once."""
    repeated = [
        problem(name[:FIELD_MAX], "This parameter was given more than once", "repeated")
        for name, given in values.items()
        if len(given) > 1
    ]
    if repeated:
        raise validation_failed(repeated)
    try:
        return model.model_validate_strings({name: text for name, (text,) in values.items()})
    except ValidationError as error:
        raise validation_failed(problems(error)) from None
