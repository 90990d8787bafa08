"""PUT /api/marketing/ai/configs/{provider}: saves a provider's key and model."""

from nexus_ai.administration import tested_configs
from nexus_ai.administration.provider_configs import ProviderConfigView, ProviderPath
from nexus_ai.administration.tested_configs import ProviderConfigRequest
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("PUT /api/marketing/ai/configs/{provider}", path=ProviderPath, body=ProviderConfigRequest, role=Role.ADMIN)
def handler(caller: Caller, path: ProviderPath, body: ProviderConfigRequest) -> ProviderConfigView:
    return tested_configs.save(caller, path.provider, body)
