"""In which order a company's providers are asked, module by module."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from nexus_ai.platform.caller import Caller
from nexus_ai.platform.field_errors import field_error
from nexus_ai.platform.schema import RequestModel, ResponseModel
from nexus_ai.providers.base import ModelId, ProviderName
from nexus_ai.settings.models import FallbackOrder, FallbackStep, Strategy, TenantSettings, orders_of
from nexus_ai.settings.service import settings_service

# "*" is for every module that has no order of its own.
ModuleOrAny = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z0-9-]{0,39})$")]
MODULES_MAX = 50


class StepRequest(RequestModel):
    """Its configured model where none is named. The weight counts for the strategy `weighted` alone."""

    provider: ProviderName
    model: ModelId | None = None
    weight: Annotated[int, Field(ge=0, le=1000)] = 1


class OrderRequest(RequestModel):
    strategy: Strategy = Strategy.ORDERED
    providers: Annotated[tuple[StepRequest, ...], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _can_be_followed(self) -> Self:
        steps = [(step.provider, step.model) for step in self.providers]
        if len(set(steps)) != len(steps):
            raise PydanticCustomError("named_twice", "names a provider twice with the same model")
        if self.strategy is Strategy.WEIGHTED and not any(step.weight for step in self.providers):
            raise PydanticCustomError("no_weight", "needs a weight above 0")
        return self


class FallbackRequest(RequestModel):
    """Changes the modules that it names and leaves the others; null takes a module's order away."""

    modules: Annotated[dict[ModuleOrAny, OrderRequest | None], Field(max_length=MODULES_MAX)]


class StepView(ResponseModel):
    provider: str
    model: str | None
    weight: int


class OrderView(ResponseModel):
    strategy: Strategy
    providers: tuple[StepView, ...]


class FallbackSettings(ResponseModel):
    modules: dict[str, OrderView]


def get_fallback(caller: Caller) -> FallbackSettings:
    """Return the orders as they stand at this moment; raises StoreUnavailable.

    Steps of a provider that this version does not know are passed over, as a call passes them over.
    """
    orders = orders_of(settings_service().current(caller).fallbacks, ProviderName)
    return FallbackSettings(modules={module: _view(orders[module]) for module in sorted(orders)})


def put_fallback(caller: Caller, request: FallbackRequest) -> FallbackSettings:
    """Change orders, which binds within 30 seconds; raises ValidationFailed and StoreUnavailable.

    An order is replaced whole, except that steps of providers that this version does not know stay, at its end. After
    StoreUnavailable the request may be sent again.
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
    gone = {module for module, order in request.modules.items() if order is None}
    if len((settings.fallbacks.keys() | named) - gone) > MODULES_MAX:
        raise field_error("modules", f"At most {MODULES_MAX} modules have an order of their own", "too_long")
    for module, order in request.modules.items():
        for place, step in enumerate(order.providers if order else ()):
            if step.provider not in settings.providers:
                field = f"modules.{module}.providers.{place}.provider"
                raise field_error(field, "This provider is not configured", "not_configured")


def _order(order: OrderRequest, before: FallbackOrder | None) -> FallbackOrder:
    steps = [FallbackStep(provider=step.provider, model=step.model, weight=step.weight) for step in order.providers]
    unknown = [step for step in (before.steps if before else ()) if step.provider not in ProviderName]
    return FallbackOrder(strategy=order.strategy, steps=(*steps, *unknown))


def _view(order: FallbackOrder) -> OrderView:
    steps = tuple(StepView(provider=step.provider, model=step.model, weight=step.weight) for step in order.steps)
    return OrderView(strategy=order.strategy, providers=steps)
