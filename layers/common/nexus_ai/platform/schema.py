"""Define the base classes and field types of request, response and stored models."""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict
from pydantic.alias_generators import to_camel


def _json_number(dollars: Decimal) -> float:
    # JSON numbers are doubles. With up to fifteen significant digits, a double's shortest form equals the decimal.
    return float(round(dollars, 6))


# US dollars: a Decimal in Python, a number with at most six decimals in JSON.
Dollars = Annotated[Decimal, PlainSerializer(_json_number, return_type=float, when_used="json")]


def _decimal(value: object) -> object:
    # In strict mode pydantic accepts only a Decimal here. Without strict mode it would accept a string as well.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    if isinstance(value, Decimal):
        return value
    raise ValueError("must be a number")


def number_up_to(maximum: int) -> BeforeValidator:
    """Return a validator for a Decimal field that accepts JSON numbers only.

    `maximum` goes into the OpenAPI document. The field's own bounds enforce it.
    """
    return BeforeValidator(_decimal, json_schema_input_type=Annotated[float, Field(ge=0, le=maximum)])


def _moment(value: object) -> object:
    # pydantic would accept a number as well, and guess if it counts seconds or milliseconds.
    if isinstance(value, datetime) or (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[Tt]", value)):
        return value
    raise ValueError("must be a date and time with an offset, such as 2026-11-23T14:05:00Z")


def _day(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        return value
    raise ValueError("must be a date, such as 2026-11-23")


# Moments and days that a client sends (RFC 3339), only as strings.
Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_moment)]
Day = Annotated[date, Strict(False), BeforeValidator(_day)]


class RequestModel(BaseModel):
    """Base class of request bodies: camelCase names, unknown fields rejected, no conversion of types."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )


class ParameterModel(BaseModel):
    """Base class of path and query parameters: strings with camelCase names, unknown parameters rejected."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )


class ResponseModel(BaseModel):
    """Base class of response bodies: written in camelCase, and accepting both forms of names when they are read."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,
    )


# A stored choice that may hold a value of a newer version, which stays a plain string.
type OrUnknown[Choice: StrEnum] = Annotated[Choice | str, Field(union_mode="left_to_right")]


def unknown_as(choice: StrEnum) -> BeforeValidator:
    """Return a validator that replaces a stored value that this version does not know with `choice`.

    For choices that decide behaviour. `OrUnknown` is for those that are only shown or written back.
    """
    choices = type(choice)

    def known_or_default(value: object) -> object:
        return value if isinstance(value, str) and value in choices else choice

    return BeforeValidator(known_or_default)


class StoredModel(BaseModel):
    """Base class of stored items and their parts, which an older or a newer version may have written.

    Unknown fields are ignored. An added field needs a default. No field has bounds, because a newer version may have
    widened them; bounds belong to the request models. docs/data-model.md has the complete rule.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class StoredPart(StoredModel):
    """Base class of parts of items or messages that are written back or passed on. It keeps unknown fields."""

    model_config = ConfigDict(extra="allow")
