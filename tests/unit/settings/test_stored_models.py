"""Test that two versions can read and write every stored model at the same time."""

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Any, cast, get_args

import pytest
from pydantic import BaseModel, TypeAdapter

from nexus_ai.alerts.models import LimitAlert, ProviderAlert, Spending, Spent
from nexus_ai.alerts.store import Crossing
from nexus_ai.limits.models import LimitSettings, Reservation, ReservationRequest, Settlement
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.schema import ParameterModel, RequestModel, ResponseModel, StoredModel
from nexus_ai.platform.settings import Settings
from nexus_ai.providers.base import Completion, Message, OfferedModel, OutputSchema, Prompt, TokenUsage
from nexus_ai.settings.models import TenantSettings
from nexus_ai.usage.models import UsageEntry
from tests.integration.support.stored_items import full_name, models_below, read_json, required_fields

# Values within one process, which no other version reads.
INTERNAL: frozenset[type[BaseModel]] = frozenset(
    {
        ReservationRequest,
        Caller,
        Completion,
        LimitAlert,
        LimitSettings,
        Message,
        OfferedModel,
        OutputSchema,
        Prompt,
        Reservation,
        Settings,
        Settlement,
        Spending,
        Spent,
        TenantSettings,
        TokenUsage,
        UsageEntry,
    }
)
# Models of data that others send in their own form: providers, their models, and the mail service.
FOREIGN = ("nexus_ai.providers.", "nexus_ai.tasks.", "nexus_ai.alerts.bounces")
# Fields that give the kind of an item. An unknown kind is recognised by its sort key and never read.
KINDS = {(Crossing, "limit"), (ProviderAlert, "event")}
BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "minItems",
          "maxItems", "multipleOf"}  # fmt: skip


# The pattern of a Decimal that is serialized as text.
DECIMAL_PATTERN = TypeAdapter(Decimal).json_schema(mode="serialization")["pattern"]
STORED = models_below(StoredModel)


def parts(schema: object) -> Iterator[dict[str, Any]]:
    """Yield all objects within a JSON Schema."""
    if isinstance(schema, dict):
        members = cast("dict[str, Any]", schema)
        yield members
        for member in members.values():
            yield from parts(member)
    if isinstance(schema, list):
        for entry in cast("list[object]", schema):
            yield from parts(entry)


def choices(annotation: object) -> Iterator[type[Enum]]:
    """Yield the enumerations in a field's type, without those of nested models."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield annotation
    for argument in get_args(annotation):
        yield from choices(argument)


def test_every_model_is_stored_internal_or_foreign() -> None:
    families = (StoredModel, RequestModel, ParameterModel, ResponseModel)
    others = {
        model
        for model in models_below(BaseModel)
        if not issubclass(model, families) and not model.__module__.startswith(FOREIGN)
    }

    assert {full_name(model) for model in others - INTERNAL} == set()


def test_request_models_forbid_unknown_fields() -> None:
    strict = [model for model in models_below(BaseModel) if issubclass(model, RequestModel | ParameterModel)]

    assert len(strict) > 20
    assert {full_name(model) for model in strict if model.model_config.get("extra") != "forbid"} == set()


@pytest.mark.parametrize("model", STORED, ids=full_name)
def test_stored_model_refuses_no_field(model: type[StoredModel]) -> None:
    assert model.model_config.get("extra") in {"ignore", "allow"}


@pytest.mark.parametrize("model", STORED, ids=full_name)
def test_stored_model_has_no_bounds(model: type[StoredModel]) -> None:
    found = {
        name
        for part in parts(model.model_json_schema())
        for name in part.keys() & BOUNDS
        # A field may have such a name, and every Decimal has its own pattern.
        if not isinstance(part[name], dict) and part[name] != DECIMAL_PATTERN
    }

    assert found == set()


CHOICE_FIELDS = [
    (model, name)
    for model in STORED
    for name, field in model.model_fields.items()
    if any(choices(field.annotation)) and (model, name) not in KINDS
]


@pytest.mark.parametrize(("model", "name"), CHOICE_FIELDS)
def test_stored_model_accepts_unknown_enum_values(model: type[StoredModel], name: str) -> None:
    # Assign one field only, so that the others need no values.
    validator = model.__pydantic_validator__

    read = validator.validate_assignment(model.model_construct(), name, "of-a-newer-version")

    assert isinstance(getattr(read, name), str)


def test_enum_fields_are_found() -> None:
    names = {f"{model.__name__}.{name}" for model, name in CHOICE_FIELDS}
    assert names >= {"AuditRecord.status", "Attempt.outcome", "AuditJob.kind", "Preferences.audit_content"}


def test_required_field_is_in_the_frozen_items() -> None:
    frozen: dict[str, list[str]] = read_json("required_fields")

    # A renamed model must have the fields of one of the former models.
    added = {
        name: fields
        for name, fields in required_fields().items()
        if not any(set(fields) <= set(known) for known in ([frozen[name]] if name in frozen else frozen.values()))
    }

    assert added == {}
