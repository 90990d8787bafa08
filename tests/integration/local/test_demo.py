"""Test that the demo configures only tenants without a configuration."""

from local.dev.demo import DemoTenants
from local.stack import LocalStack
from nexus_ai.aws.dynamodb import tables
from nexus_ai.gateway.composition import gateway
from nexus_ai.settings.store import SettingsStore
from tests.integration.support.limit_calls import caller_of
from tests.integration.support.pipeline import welcome


def test_restarted_stack_keeps_saved_settings(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    gateway().settings.save_provider(
        caller_of(tenant), provider="openai", model="gpt-6.1-sol", api_key="sk-own-key-9999"
    )

    DemoTenants({}).welcome(tenant)

    saved = SettingsStore(tables.settings()).load(tenant).providers["openai"]
    assert (saved.model, saved.key_last_four) == ("gpt-6.1-sol", "9999")
