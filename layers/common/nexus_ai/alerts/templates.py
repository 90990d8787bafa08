"""Define the texts of alert e-mails in every language that a tenant can choose."""

from collections.abc import Mapping
from dataclasses import dataclass

from nexus_ai.alerts.models import AlertedLimit


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of one language. alerts/mail.py fills in the `{placeholders}`.

    `thousands` and `decimal` are the separators of numbers. `moment` is a strftime format. `limits` are noun phrases
    that the other texts use in the middle of a sentence.
    """

    thousands: str
    decimal: str
    dollars: str
    moment: str
    limits: Mapping[AlertedLimit, str]
    units: Mapping[AlertedLimit, str]
    spending_titles: Mapping[AlertedLimit, str]
    reached_subject: str
    used_up_subject: str
    reached_heading: str
    used_up_heading: str
    usage: str
    resets: str
    has_reset: str
    used_up_advice: str
    reached_advice: str
    model: str
    module: str
    tokens: str
    cost: str
    key_subject: str
    key_heading: str
    key_advice: str
    circuit_subject: str
    circuit_heading: str
    circuit_advice: str
    fallback: str
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
        AlertedLimit.REQUESTS_PER_HOUR: "limite de requisições por hora",
        AlertedLimit.TOKENS_PER_DAY: "limite de tokens por dia",
        AlertedLimit.COST_PER_MONTH: "limite de custo por mês",
    },
    units={
        AlertedLimit.REQUESTS_PER_HOUR: "{amount} requisições",
        AlertedLimit.TOKENS_PER_DAY: "{amount} tokens",
        AlertedLimit.COST_PER_MONTH: "{amount}",
    },
    spending_titles={
        AlertedLimit.REQUESTS_PER_HOUR: "Maiores custos do dia até agora",
        AlertedLimit.TOKENS_PER_DAY: "Maiores custos do dia",
        AlertedLimit.COST_PER_MONTH: "Maiores custos do mês",
    },
    reached_subject="Nexus AI: uso atingiu {percent}% do {limit}",
    used_up_subject="Nexus AI: {limit} esgotado",
    reached_heading="O uso atingiu {percent}% do {limit}",
    used_up_heading="O {limit} está esgotado",
    usage="Uso: {used} de {max}.",
    resets="O limite será renovado em {moment} ({zone}).",
    has_reset="O limite já foi renovado em {moment} ({zone}).",
    used_up_advice=(
        "Até lá, novas requisições serão recusadas. Para liberá-las antes, um administrador pode aumentar o limite em "
        "Integrações."
    ),
    reached_advice=(
        "Se o uso chegar a 100% antes disso, novas requisições serão recusadas até a renovação. Um administrador pode "
        "aumentar o limite em Integrações."
    ),
    model="Provedor e modelo",
    module="Módulo",
    tokens="Tokens",
    cost="Custo",
    key_subject="Nexus AI: a chave de API de {provider} parou de funcionar",
    key_heading="A chave de API de {provider} com final {last_four} parou de funcionar",
    key_advice=(
        "Verifique a sua conta no provedor. Se a chave não for mais válida, salve uma nova em Integrações e teste a "
        "conexão."
    ),
    circuit_subject="Nexus AI: {provider} está falhando ({model})",
    circuit_heading="As requisições para o modelo {model} ({provider}) estão falhando",
    circuit_advice=(
        "O modelo foi pausado e será testado de novo automaticamente, em intervalos de até dez minutos. Se as falhas "
        "continuarem, escolha outro modelo em Integrações."
    ),
    fallback=(
        "Enquanto isso, as requisições são enviadas ao próximo provedor da ordem de fallback. Se não houver outro, "
        "elas falham."
    ),
    since="Com falhas desde {moment} ({zone}). Motivo: {reason}.",
    reasons={
        "invalid_key": "o provedor recusou a chave de API",
        "no_credit": "a conta no provedor está sem créditos",
        "no_permission": "a chave de API não tem permissão para usar este modelo",
        "model_not_found": "o provedor não oferece este modelo",
        "rate_limited": "o limite de requisições do provedor foi atingido",
        "timeout": "o provedor não respondeu a tempo",
        "request_timeout": "o provedor não respondeu a tempo",
        "unreachable": "não foi possível conectar ao provedor",
        "reset": "o provedor interrompeu a conexão",
        "server_error": "ocorreu um erro interno no provedor",
        "unavailable": "o provedor está indisponível",
        "overloaded": "o provedor está sobrecarregado",
        "malformed": "o provedor retornou respostas inválidas",
        "error_in_body": "o provedor retornou respostas inválidas",
        "redirect": "o provedor retornou respostas inválidas",
        "empty": "o provedor retornou respostas vazias",
    },
    link="Abrir o painel",
    footer=(
        "Este endereço está cadastrado para receber alertas do Nexus AI. Um administrador pode alterar os endereços, "
        "os limites e os percentuais em Integrações."
    ),
)

EN = Texts(
    thousands=",",
    decimal=".",
    dollars="US${amount}",
    moment="%Y-%m-%d at %H:%M",
    limits={
        AlertedLimit.REQUESTS_PER_HOUR: "hourly request limit",
        AlertedLimit.TOKENS_PER_DAY: "daily token limit",
        AlertedLimit.COST_PER_MONTH: "monthly cost limit",
    },
    units={
        AlertedLimit.REQUESTS_PER_HOUR: "{amount} requests",
        AlertedLimit.TOKENS_PER_DAY: "{amount} tokens",
        AlertedLimit.COST_PER_MONTH: "{amount}",
    },
    spending_titles={
        AlertedLimit.REQUESTS_PER_HOUR: "Highest costs of the day so far",
        AlertedLimit.TOKENS_PER_DAY: "Highest costs of the day",
        AlertedLimit.COST_PER_MONTH: "Highest costs of the month",
    },
    reached_subject="Nexus AI: usage reached {percent}% of your {limit}",
    used_up_subject="Nexus AI: your {limit} is used up",
    reached_heading="Usage reached {percent}% of your {limit}",
    used_up_heading="Your {limit} is used up",
    usage="Usage: {used} of {max}.",
    resets="The limit resets on {moment} ({zone}).",
    has_reset="The limit was reset on {moment} ({zone}).",
    used_up_advice=(
        "Until then, new requests are rejected. To allow them sooner, an administrator can raise the limit under "
        "Integrations."
    ),
    reached_advice=(
        "If usage reaches 100% before then, new requests are rejected until the limit resets. An administrator can "
        "raise the limit under Integrations."
    ),
    model="Provider and model",
    module="Module",
    tokens="Tokens",
    cost="Cost",
    key_subject="Nexus AI: your {provider} API key stopped working",
    key_heading="Your {provider} API key ending in {last_four} stopped working",
    key_advice=(
        "Check your account with the provider. If the key is no longer valid, save a new one under Integrations and "
        "test the connection."
    ),
    circuit_subject="Nexus AI: {provider} is failing ({model})",
    circuit_heading="Requests to the model {model} ({provider}) are failing",
    circuit_advice=(
        "The model is paused and retried automatically, at intervals of up to ten minutes. If it keeps failing, choose "
        "another model under Integrations."
    ),
    fallback=(
        "Meanwhile, requests are sent to the next provider in your fallback order. If there is no other provider, they "
        "fail."
    ),
    since="Failing since {moment} ({zone}). Reason: {reason}.",
    reasons={
        "invalid_key": "the provider rejected this API key",
        "no_credit": "the account with the provider has no credit left",
        "no_permission": "the API key has no permission to use this model",
        "model_not_found": "the provider does not offer this model",
        "rate_limited": "the provider's rate limit was reached",
        "timeout": "the provider did not respond in time",
        "request_timeout": "the provider did not respond in time",
        "unreachable": "the provider could not be reached",
        "reset": "the provider closed the connection",
        "server_error": "the provider had an internal error",
        "unavailable": "the provider is unavailable",
        "overloaded": "the provider is overloaded",
        "malformed": "the provider returned invalid responses",
        "error_in_body": "the provider returned invalid responses",
        "redirect": "the provider returned invalid responses",
        "empty": "the provider returned empty responses",
    },
    link="Open the dashboard",
    footer=(
        "This address is set to receive Nexus AI alerts. An administrator can change the addresses, limits and "
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
