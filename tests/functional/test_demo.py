"""The demo's configuration is for tenants that have none."""

from local.demo import DemoTenants
from local.stack import LocalStack
from nexus_ai.gateway.composition import gateway
from nexus_ai.storage import tables
from nexus_ai.tenants.store import TenantStore
from tests.functional.limits_support import caller_of
from tests.functional.pipeline_support import welcome


def test_a_restarted_stack_leaves_what_a_tenant_saved_as_it_is(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    gateway().tenants.save_provider(
        caller_of(tenant), provider="openai", model="gpt-6.1-sol", api_key="sk-own-key-9999"
    )

    DemoTenants({}).welcome(tenant)

    saved = TenantStore(tables.settings()).load(tenant).providers["openai"]
    assert (saved.model, saved.key_last_four) == ("gpt-6.1-sol", "9999")
