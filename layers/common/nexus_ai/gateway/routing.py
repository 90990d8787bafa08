"""Choose and order the candidates of a model call."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import SystemRandom

from nexus_ai.gateway import prices
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.errors import ModelNotAllowed, ProviderNotConfigured
from nexus_ai.settings.models import FallbackStep, ProviderConfig, Strategy, TenantSettings

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Provider and model that a request may be sent to.

    `config` is None before routing and for a replay: neither calls a provider.
    """

    provider: str
    model: str
    config: ProviderConfig | None = None

    @property
    def usable_config(self) -> ProviderConfig:
        """Return the provider config.

        Raises:
            LookupError: There is none.
        """
        if self.config is None:
            raise LookupError(f"{self.provider} has no provider config")
        return self.config


def route[T](settings: TenantSettings, call: ModelCall[T]) -> list[Candidate]:
    """Return the candidates in order: the request's provider or the tenant's default, then the fallback order.

    Raises:
        ProviderNotConfigured: The request names a provider that the tenant has not enabled, or no provider is enabled.
        ModelNotAllowed: The tenant's preferences do not allow the requested model, or any candidate.
    """
    usable = {name: config for name, config in settings.providers.items() if config.enabled}
    if call.provider is not None and call.provider not in usable:
        raise ProviderNotConfigured(
            f"The provider {call.provider.value!r} is not configured. Ask an administrator to save its API key "
            f"with PUT /api/marketing/ai/configs/{call.provider.value}."
        )
    order = settings.fallback(call.module)
    steps = [step for step in order.steps if step.provider in usable]
    candidates = [
        Candidate(step.provider, step.model or usable[step.provider].model, usable[step.provider])
        for step in _by_strategy(order.strategy, steps, settings, call)
    ]
    first = call.provider or (_default(usable.values()) if order.strategy is Strategy.ORDERED else None)
    if first is not None:
        config = usable[first]
        head = Candidate(first, call.model or config.model, config)
        others = (each for each in candidates if (each.provider, each.model) != (head.provider, head.model))
        candidates = [head, *others]
    elif call.model and candidates:
        candidates[0] = Candidate(candidates[0].provider, call.model, candidates[0].config)
    if not candidates:
        raise ProviderNotConfigured(
            "No provider is configured. Ask an administrator to save a provider's API key with "
            "PUT /api/marketing/ai/configs/{provider}."
        )
    return _allowed(settings, call, candidates)


def _allowed[T](settings: TenantSettings, call: ModelCall[T], candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates that the tenant's preferences allow.

    A provider or model that the request names is never replaced silently.
    """
    allows = settings.preferences.allows
    head = candidates[0]
    named = call.provider is not None or call.model is not None
    allowed = [candidate for candidate in candidates if allows(candidate.provider, candidate.model)]
    if not allowed or (named and not allows(head.provider, head.model)):
        raise ModelNotAllowed(
            f"Your tenant's preferences do not allow the model {head.model!r} of {head.provider}. "
            "Choose another model, or ask an administrator to allow it."
        )
    return allowed


def _default(configs: Iterable[ProviderConfig]) -> str | None:
    return next((config.provider for config in configs if config.is_default), None)


def _by_strategy[T](
    strategy: Strategy, steps: list[FallbackStep], settings: TenantSettings, call: ModelCall[T]
) -> list[FallbackStep]:
    match strategy:
        case Strategy.ORDERED:
            return steps
        case Strategy.WEIGHTED:
            # Efraimidis and Spirakis (2006): the greatest of random ** (1 / weight) first draws without replacement.
            return sorted(
                (step for step in steps if step.weight),
                key=lambda step: _random.random() ** (1 / step.weight),
                reverse=True,
            )
        case Strategy.CHEAPEST:
            return sorted(steps, key=lambda step: _cost(step, settings, call))
        case Strategy.FASTEST:
            return sorted(steps, key=lambda step: _latency(step, settings))


def _model(step: FallbackStep, settings: TenantSettings) -> str:
    return step.model or settings.providers[step.provider].model


def _cost[T](step: FallbackStep, settings: TenantSettings, call: ModelCall[T]) -> tuple[bool, int]:
    """Return the sort key of `cheapest`: models without a known price come last."""
    model = _model(step, settings)
    cost = prices.ceiling(settings, step.provider, model, call.input_tokens, call.prompt.max_tokens)
    return cost is None, cost or 0


def _latency(step: FallbackStep, settings: TenantSettings) -> int:
    """Return the sort key of `fastest`: a model without a known latency comes first, so that it is measured."""
    circuit = settings.circuits.get((step.provider, _model(step, settings)))
    return circuit.latency_ms or 0 if circuit else 0
