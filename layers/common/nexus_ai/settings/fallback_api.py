"""Read and change the order in which a tenant's providers are used, per module."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from nexus_ai.platform.caller import Caller
from nexus_ai.platform.field_errors import field_error
from nexus_ai.platform.schema import RequestModel, ResponseModel
from nexus_ai.providers.base import ModelId, ProviderName
from nexus_ai.settings.models import FallbackOrder, FallbackStep, Strategy, TenantSettings, orders_of
from nexus_ai.settings.service import settings_service

# "*" applies to every module without an order.
ModuleOrAny = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z0-9-]{0,39})$")]
MODULES_MAX = 50


class StepRequest(RequestModel):
    """Provider and model to use.

    Without `model`, the provider's configured model is used. `weight` applies only to the strategy `weighted`.
    """

    provider: ProviderName
    model: ModelId | None = None
    weight: Annotated[int, Field(ge=0, le=1000)] = 1


class OrderRequest(RequestModel):
    """Order of providers for one module."""

    strategy: Strategy = Strategy.ORDERED
    providers: Annotated[tuple[StepRequest, ...], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _can_be_followed(self) -> Self:
        steps = [(step.provider, step.model) for step in self.providers]
        if len(set(steps)) != len(steps):
            raise PydanticCustomError("named_twice", "must not contain the same provider and model twice")
        if self.strategy is Strategy.WEIGHTED and not any(step.weight for step in self.providers):
            raise PydanticCustomError("no_weight", "must have at least one weight above 0")
        return self


class FallbackRequest(RequestModel):
    """Orders to change, by module.

    Modules that you leave out keep their order. null removes a module's order.
    """

    modules: Annotated[dict[ModuleOrAny, OrderRequest | None], Field(max_length=MODULES_MAX)]


class StepView(ResponseModel):
    """Provider and model in an order; `model` is null for the provider's configured model."""

    provider: str
    model: str | None
    weight: int


class OrderView(ResponseModel):
    """Order of providers for one module."""

    strategy: Strategy
    providers: tuple[StepView, ...]


class FallbackSettings(ResponseModel):
    """Orders of providers by module. `*` applies to every module without an order."""

    modules: dict[str, OrderView]


def get_fallback(caller: Caller) -> FallbackSettings:
    """Return the current orders, without providers that only a newer version knows.

    Raises:
        StoreUnavailable: The store cannot be reached.
    """
    orders = orders_of(settings_service().current(caller).fallbacks, ProviderName)
    return FallbackSettings(modules={module: _view(orders[module]) for module in sorted(orders)})


def put_fallback(caller: Caller, request: FallbackRequest) -> FallbackSettings:
    """Change the orders of modules. Changes apply within 30 seconds.

    An order replaces the saved one. Only its steps with providers that a newer version knows are kept, at the end.

    Raises:
        ValidationFailed: A provider is not configured, or too many modules have an order.
        StoreUnavailable: The store cannot be reached. The same request can be sent again.
    """
    current = settings_service().current(caller)
    _require_configured(current, request)
    for module, order in request.modules.items():
        if order is None:
            settings_service().delete_fallback(caller, module)
        else:
            settings_service().save_fallback(caller, module, _order(order, current.fallbacks.get(module)))
    return get_fallback(caller)


def _require_configured(settings: TenantSettings, request: FallbackRequest) -> None:
    named = {module for module, order in request.modules.items() if order is not None}
    removed = {module for module, order in request.modules.items() if order is None}
    if len((settings.fallbacks.keys() | named) - removed) > MODULES_MAX:
        raise field_error("modules", f"must not have orders for more than {MODULES_MAX} modules", "too_long")
    for module, order in request.modules.items():
        for place, step in enumerate(order.providers if order else ()):
            if step.provider not in settings.providers:
                field = f"modules.{module}.providers.{place}.provider"
                raise field_error(field, "is not configured; save its API key first", "not_configured")


def _order(order: OrderRequest, before: FallbackOrder | None) -> FallbackOrder:
    steps = [FallbackStep(provider=step.provider, model=step.model, weight=step.weight) for step in order.providers]
    unknown = [step for step in (before.steps if before else ()) if step.provider not in ProviderName]
    return FallbackOrder(strategy=order.strategy, steps=(*steps, *unknown))


def _view(order: FallbackOrder) -> OrderView:
    steps = tuple(StepView(provider=step.provider, model=step.model, weight=step.weight) for step in order.steps)
    return OrderView(strategy=order.strategy, providers=steps)
