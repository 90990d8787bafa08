"""What bodies are made of: camelCase outside, frozen models inside, and nothing taken for what it is not."""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict
from pydantic.alias_generators import to_camel


def _json_number(dollars: Decimal) -> float:
    # JSON has one kind of number. Up to fifteen significant digits, a double's shortest notation is the decimal itself.
    return float(round(dollars, 6))


# US dollars: a Decimal in the code, a JSON number with at most six decimals in a body.
Dollars = Annotated[Decimal, PlainSerializer(_json_number, return_type=float, when_used="json")]


def _decimal(value: object) -> object:
    # Here, in strict mode, a Decimal is all that pydantic takes; by itself it would take a text out of JSON, too.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    if isinstance(value, Decimal):
        return value
    raise ValueError("must be a number")


def number_up_to(most: int) -> BeforeValidator:
    """For a Decimal that a client sends: a JSON number, and no text. The API's description says so by this alone."""
    return BeforeValidator(_decimal, json_schema_input_type=Annotated[float, Field(ge=0, le=most)])


def _moment(value: object) -> object:
    # pydantic would take a number, too, and guess whether it counts seconds or milliseconds.
    if isinstance(value, datetime) or (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[Tt]", value)):
        return value
    raise ValueError("must be a date and a time with its offset, such as 2026-11-23T14:05:00Z")


def _day(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        return value
    raise ValueError("must be a day, such as 2026-11-23")


# Moments and days that a client writes (RFC 3339), as texts alone.
Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_moment)]
Day = Annotated[date, Strict(False), BeforeValidator(_day)]


class RequestModel(BaseModel):
    """A body that a client sends: its fields by their camelCase names, unknown ones refused, no type bent to fit."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )


class ParameterModel(BaseModel):
    """The parameters of a path or of a query: texts outside, by their camelCase names, unknown ones refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )


class ResponseModel(BaseModel):
    """A body that we answer: made by field names, written as camelCase, and read back from what was written."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,
    )


# A stored choice that keeps a value which only a newer version knows: as it stands in the item, a plain text.
type OrUnknown[Choice: StrEnum] = Annotated[Choice | str, Field(union_mode="left_to_right")]


def unknown_as(choice: StrEnum) -> BeforeValidator:
    """Read a stored choice that this version does not know as `choice`.

    For choices that rule what happens. `OrUnknown` is for those that are only shown or written back.
    """
    choices = type(choice)

    def known(value: object) -> object:
        return value if isinstance(value, str) and value in choices else choice

    return BeforeValidator(known)


class StoredModel(BaseModel):
    """An item, or a part of one, that an older or a newer version of the service may have written.

    Unknown fields are ignored. A field that is added has a default, and no field has bounds: those belong to the
    request that sets it, and a newer version may have widened them. docs/data-model.md has the whole rule.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class StoredPart(StoredModel):
    """A part of an item or a message that is written back, or handed on, whole. Unknown fields are kept."""

    model_config = ConfigDict(extra="allow")
