"""The words of the mails, in the languages that a company can choose. `{names}` are filled in by alerts/mail.py."""

from collections.abc import Mapping
from dataclasses import dataclass

from nexus_ai.alerts.models import AlertedLimit


@dataclass(frozen=True, slots=True)
class Texts:
    """`thousands` and `decimal` are how numbers are written, `moment` is a strftime format."""

    thousands: str
    decimal: str
    dollars: str
    moment: str
    limits: Mapping[AlertedLimit, str]
    units: Mapping[AlertedLimit, str]
    dearest: Mapping[AlertedLimit, str]
    reached_subject: str
    used_up_subject: str
    reached: str
    used_up: str
    used: str
    resets: str
    has_reset: str
    refused_until_then: str
    then_refused: str
    model: str
    module: str
    tokens: str
    cost: str
    key_subject: str
    key: str
    key_advice: str
    circuit_subject: str
    circuit: str
    circuit_advice: str
    meanwhile: str
    since: str
    reasons: Mapping[str, str]
    link: str
    footer: str


PT_BR = Texts(
    thousands=".",
    decimal=",",
    dollars="US$ {amount}",
    moment="%d/%m/%Y às %H:%M",
    limits={
        AlertedLimit.REQUESTS_PER_HOUR: "requisições por hora",
        AlertedLimit.TOKENS_PER_DAY: "tokens por dia",
        AlertedLimit.COST_PER_MONTH: "custo por mês",
    },
    units={
        AlertedLimit.REQUESTS_PER_HOUR: "{amount} requisições",
        AlertedLimit.TOKENS_PER_DAY: "{amount} tokens",
        AlertedLimit.COST_PER_MONTH: "{amount}",
    },
    dearest={
        AlertedLimit.REQUESTS_PER_HOUR: "O que mais custou no dia até agora",
        AlertedLimit.TOKENS_PER_DAY: "O que mais custou no dia",
        AlertedLimit.COST_PER_MONTH: "O que mais custou no mês",
    },
    reached_subject="Nexus AI: {percent}% do limite de {limit}",
    used_up_subject="Nexus AI: limite de {limit} esgotado",
    reached="{percent}% do limite de {limit} em uso",
    used_up="O limite de {limit} está esgotado",
    used="Usado: {used} de {max}.",
    resets="O limite se renova em {moment} ({zone}).",
    has_reset="O limite já se renovou em {moment} ({zone}).",
    refused_until_then="Até lá, novas chamadas são recusadas. Um administrador pode aumentar o limite.",
    then_refused="Ao chegar a 100%, novas chamadas são recusadas até lá.",
    model="Provedor e modelo",
    module="Módulo",
    tokens="Tokens",
    cost="Custo",
    key_subject="Nexus AI: a chave de {provider} deixou de funcionar",
    key="A chave de {provider} que termina em {last_four} deixou de funcionar",
    key_advice="Verifique a conta no provedor, ou salve outra chave em Integrações e teste a conexão.",
    circuit_subject="Nexus AI: {provider} está falhando ({model})",
    circuit="O modelo {model} de {provider} está falhando",
    circuit_advice=(
        "Ele fica em pausa e é testado de novo sozinho, no máximo a cada dez minutos. Se continuar assim, escolha "
        "outro modelo em Integrações."
    ),
    meanwhile=(
        "Enquanto isso, respondem os outros provedores da ordem de fallback; onde não há outro, as chamadas falham."
    ),
    since="Desde {moment} ({zone}). Motivo: {reason}.",
    reasons={
        "invalid_key": "o provedor não aceita mais a chave",
        "no_credit": "a conta no provedor está sem crédito",
        "no_permission": "a chave não tem permissão para este modelo",
        "model_not_found": "o provedor não conhece este modelo",
        "rate_limited": "o provedor limita o ritmo das chamadas",
        "timeout": "o provedor não respondeu a tempo",
        "request_timeout": "o provedor não respondeu a tempo",
        "unreachable": "não foi possível conectar ao provedor",
        "reset": "o provedor interrompeu a conexão",
        "server_error": "erro interno do provedor",
        "unavailable": "o provedor está indisponível",
        "overloaded": "o provedor está sobrecarregado",
        "malformed": "o provedor deu respostas inválidas",
        "error_in_body": "o provedor deu respostas inválidas",
        "redirect": "o provedor deu respostas inválidas",
        "empty": "o provedor deu respostas vazias",
    },
    link="Abrir o painel",
    footer=(
        "Este endereço recebe os alertas do Nexus AI da sua empresa. Um administrador pode mudar endereços, limites e "
        "percentuais em Integrações."
    ),
)

EN = Texts(
    thousands=",",
    decimal=".",
    dollars="US${amount}",
    moment="%Y-%m-%d at %H:%M",
    limits={
        AlertedLimit.REQUESTS_PER_HOUR: "requests per hour",
        AlertedLimit.TOKENS_PER_DAY: "tokens per day",
        AlertedLimit.COST_PER_MONTH: "cost per month",
    },
    units={
        AlertedLimit.REQUESTS_PER_HOUR: "{amount} requests",
        AlertedLimit.TOKENS_PER_DAY: "{amount} tokens",
        AlertedLimit.COST_PER_MONTH: "{amount}",
    },
    dearest={
        AlertedLimit.REQUESTS_PER_HOUR: "What cost most in the day so far",
        AlertedLimit.TOKENS_PER_DAY: "What cost most in the day",
        AlertedLimit.COST_PER_MONTH: "What cost most in the month",
    },
    reached_subject="Nexus AI: {percent}% of the limit of {limit}",
    used_up_subject="Nexus AI: the limit of {limit} is used up",
    reached="{percent}% of the limit of {limit} in use",
    used_up="The limit of {limit} is used up",
    used="Used: {used} of {max}.",
    resets="The limit resets on {moment} ({zone}).",
    has_reset="The limit has reset on {moment} ({zone}).",
    refused_until_then="Until then new calls are refused. An administrator can raise the limit.",
    then_refused="At 100% new calls are refused until then.",
    model="Provider and model",
    module="Module",
    tokens="Tokens",
    cost="Cost",
    key_subject="Nexus AI: the key of {provider} stopped working",
    key="The key of {provider} that ends in {last_four} stopped working",
    key_advice="Check the account at the provider, or save another key under Integrations and test the connection.",
    circuit_subject="Nexus AI: {provider} is failing ({model})",
    circuit="The model {model} of {provider} is failing",
    circuit_advice=(
        "It is paused and tried again by itself, every ten minutes at the latest. If this goes on, choose another "
        "model under Integrations."
    ),
    meanwhile="Meanwhile the other providers of the fallback order answer; where there is none, calls fail.",
    since="Since {moment} ({zone}). Reason: {reason}.",
    reasons={
        "invalid_key": "the provider accepts the key no more",
        "no_credit": "the account at the provider has no credit",
        "no_permission": "the key has no permission for this model",
        "model_not_found": "the provider does not know this model",
        "rate_limited": "the provider limits the rate of calls",
        "timeout": "the provider did not answer in time",
        "request_timeout": "the provider did not answer in time",
        "unreachable": "the provider could not be reached",
        "reset": "the provider broke the connection",
        "server_error": "an internal error of the provider",
        "unavailable": "the provider is not available",
        "overloaded": "the provider is overloaded",
        "malformed": "the provider gave invalid answers",
        "error_in_body": "the provider gave invalid answers",
        "redirect": "the provider gave invalid answers",
        "empty": "the provider gave empty answers",
    },
    link="Open the dashboard",
    footer=(
        "This address receives your company's alerts of Nexus AI. An administrator can change addresses, limits and "
        "percentages under Integrations."
    ),
)

TEXTS: Mapping[str, Texts] = {"pt-BR": PT_BR, "en": EN}
PROVIDERS: Mapping[str, str] = {
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "google": "Google Gemini",
    "groq": "Groq",
    "openrouter": "OpenRouter",
}
