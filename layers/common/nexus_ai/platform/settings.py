"""The deployment's settings: one frozen, validated model, read from the environment once a process.

template.yaml sets these variables in `Globals`; nothing else reads the environment, except for the variables that
AWS and the vendors define themselves.
"""

import os
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nexus_ai.platform.once import Once


def _none_if_blank(value: object) -> object:
    return None if value == "" else value


OptionalText = Annotated[str | None, BeforeValidator(_none_if_blank)]
# "none" in a parameter means no limit, as null does in the API.
OptionalLimit = Annotated[int | None, Field(ge=0), BeforeValidator(lambda value: None if value == "none" else value)]
OptionalDollars = Annotated[
    Decimal | None, Field(ge=0), BeforeValidator(lambda value: None if value == "none" else value)
]


class Settings(BaseModel):
    """Field `x_y` is the variable `X_Y`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Tells the metrics of this deployment from those of others in the same account and region.
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

    # Which function works on exports and erasures; None in those that start none.
    run_audit_job_function: OptionalText = None

    # From whom alerts come, a verified identity of SES; None where mails are off. Bounces and complaints are told of by
    # the configuration set. Mails link to the dashboard.
    mail_sender: OptionalText = None
    mail_configuration_set: OptionalText = None
    dashboard_url: OptionalText = None

    # Who signs the callers' tokens, with published keys or a shared secret, and under which names the claims stand.
    token_issuer: str
    token_audience: str
    token_jwks_url: OptionalText = None
    token_secret_arn: OptionalText = None
    claim_tenant: str = "tenant_id"
    claim_user: str = "sub"
    claim_roles: str = "roles"
    cors_origins: str = "*"

    # What a tenant has that nobody set limits for.
    default_requests_per_hour: OptionalLimit = 100
    default_tokens_per_day: OptionalLimit = 50_000
    default_cost_per_month_usd: OptionalDollars = Decimal(100)
    default_time_zone: str = "America/Sao_Paulo"
    # What no tenant's administrator can exceed, unless the operator set another ceiling for that tenant.
    ceiling_requests_per_hour: OptionalLimit = None
    ceiling_tokens_per_day: OptionalLimit = None
    ceiling_cost_per_month_usd: OptionalDollars = None
    max_calls_in_flight: int = Field(default=100, ge=1, le=300)

    content_retention_days: int = Field(default=90, ge=1)
    metadata_retention_days: int = Field(default=400, ge=1)

    # The operator's alone: a caller can never name a host.
    openai_base_url: OptionalText = None
    anthropic_base_url: OptionalText = None
    google_gemini_base_url: OptionalText = None
    groq_base_url: OptionalText = None
    openrouter_base_url: OptionalText = None


def _read_settings() -> Settings:
    """The settings of this process. Raises pydantic's ValidationError, naming the variable, when one is unfit."""
    names = {name: name.upper() for name in Settings.model_fields}
    return Settings.model_validate({name: os.environ[env] for name, env in names.items() if env in os.environ})


get_settings = Once(_read_settings)
