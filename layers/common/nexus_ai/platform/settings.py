"""Read the deployment's settings from the environment, once per process, into a validated model.

template.yaml sets these variables in `Globals`. Other modules read only variables that AWS or the providers define.
"""

import os
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nexus_ai.platform.once import Once


def _none_if_blank(value: object) -> object:
    return None if value == "" else value


OptionalText = Annotated[str | None, BeforeValidator(_none_if_blank)]
# "none" in a template parameter means no limit, as null does in the API.
OptionalLimit = Annotated[int | None, Field(ge=0), BeforeValidator(lambda value: None if value == "none" else value)]
OptionalDollars = Annotated[
    Decimal | None, Field(ge=0), BeforeValidator(lambda value: None if value == "none" else value)
]


class Settings(BaseModel):
    """Settings of the deployment. The field `x_y` comes from the variable `X_Y`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # A dimension of all metrics, because several stacks may share an account and region.
    stack: str = "local"
    stage: str = "local"
    log_level: Literal["DEBUG", "INFO"] = "INFO"

    settings_table: str
    rate_limits_table: str
    cache_table: str
    usage_table: str
    audit_logs_table: str
    content_bucket: str
    provider_keys_key_id: str

    # The function that runs exports and erasures; None for functions that start none.
    run_audit_job_function: OptionalText = None

    # Sender of alert e-mails, a verified identity in SES; None if e-mails are off. The configuration set reports
    # bounces and complaints. E-mails link to the dashboard.
    mail_sender: OptionalText = None
    mail_configuration_set: OptionalText = None
    dashboard_url: OptionalText = None

    # Issuer of the callers' tokens, the keys that verify them (published or a shared secret), and the claims' names.
    token_issuer: str
    token_audience: str
    token_jwks_url: OptionalText = None
    token_secret_arn: OptionalText = None
    claim_tenant: str = "tenant_id"
    claim_user: str = "sub"
    claim_roles: str = "roles"
    cors_origins: str = "*"

    # Limits and time zone of a tenant that has not set its own. A deployment gets them from the parameters of
    # template.yaml, whose defaults must be the same.
    default_requests_per_hour: OptionalLimit = 100
    default_tokens_per_day: OptionalLimit = 50_000
    default_cost_per_month_usd: OptionalDollars = Decimal(100)
    default_time_zone: str = "America/Sao_Paulo"
    # Ceilings of all tenants for which the operator has not set others.
    ceiling_requests_per_hour: OptionalLimit = None
    ceiling_tokens_per_day: OptionalLimit = None
    ceiling_cost_per_month_usd: OptionalDollars = None
    max_calls_in_flight: int = Field(default=100, ge=1, le=300)

    content_retention_days: int = Field(default=90, ge=1)
    metadata_retention_days: int = Field(default=400, ge=1)

    # Only the operator can change a provider's URL; a caller can never choose a host.
    openai_base_url: OptionalText = None
    anthropic_base_url: OptionalText = None
    google_gemini_base_url: OptionalText = None
    groq_base_url: OptionalText = None
    openrouter_base_url: OptionalText = None


def _read_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        pydantic.ValidationError: A variable is missing or invalid. The error names it.
    """
    names = {name: name.upper() for name in Settings.model_fields}
    return Settings.model_validate({name: os.environ[env] for name, env in names.items() if env in os.environ})


get_settings = Once(_read_settings)
