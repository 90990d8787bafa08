"""Which providers a call may use, and in which order."""

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
    """A provider's model that a call may use. `config` is None only where the plan failed before there was one."""

    provider: str
    model: str
    config: ProviderConfig | None = None

    @property
    def usable_config(self) -> ProviderConfig:
        if self.config is None:
            raise LookupError(f"{self.provider} is no candidate")
        return self.config


def route[T](settings: TenantSettings, call: ModelCall[T]) -> list[Candidate]:
    """The candidates in order: the request's provider, else the tenant's default, then the order of fallback.

    Raises ProviderNotConfigured where the request names a provider that the tenant has not set up, or none is there,
    and ModelNotAllowed where the tenant's preferences leave nothing of what was asked for.
    """
    usable = {name: config for name, config in settings.providers.items() if config.enabled}
    if call.provider is not None and call.provider not in usable:
        raise ProviderNotConfigured(
            f"The provider {call.provider.value!r} is not configured for your company: an administrator saves its key "
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
            "No provider is configured for your company: an administrator saves a key with "
            "PUT /api/marketing/ai/configs/{provider}."
        )
    return _allowed(settings, call, candidates)


def _allowed[T](settings: TenantSettings, call: ModelCall[T], candidates: list[Candidate]) -> list[Candidate]:
    """Those that the tenant's preferences allow. What the request itself names is never replaced without a word."""
    allows = settings.preferences.allows
    head = candidates[0]
    named = call.provider is not None or call.model is not None
    allowed = [candidate for candidate in candidates if allows(candidate.provider, candidate.model)]
    if not allowed or (named and not allows(head.provider, head.model)):
        raise ModelNotAllowed(f"Your company's preferences do not allow the model {head.model!r} of {head.provider}.")
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
    """Models without a known price come last."""
    model = _model(step, settings)
    cost = prices.ceiling(settings, step.provider, model, call.input_tokens, call.prompt.max_tokens)
    return cost is None, cost or 0


def _latency(step: FallbackStep, settings: TenantSettings) -> int:
    """A model of which nothing is known comes first, so that something will be."""
    circuit = settings.circuits.get((step.provider, _model(step, settings)))
    return circuit.latency_ms or 0 if circuit else 0
